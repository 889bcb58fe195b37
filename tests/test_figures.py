"""Figures draw what the views say: tested on their data, without a browser."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import plotly.graph_objects as go
import pytest

from dashboard import figures
from dashboard.text import chance, duration, exact, money, money_up, percent, plain, short, stamp, utc, words
from insure.quoting import price_view
from insure.records.onchain import Semantics, Terms
from insure.records.views import PriceView
from pricing_models.payoff import SECONDS_BOUND
from tests.screen_engine import (
    ARBITRUM,
    BEGAN,
    DAY,
    DEPLOYMENT,
    HOUR,
    NOW,
    PAYMENTS,
    USD,
    ScreenEngine,
    final_incident,
    model,
    running_incident,
)

TERMS = Terms(HOUR, Semantics.RETENTION, 1_000_000, 5_000 * USD, 36_000 * USD, 72_000 * USD)


@pytest.fixture(scope="module")
def price() -> PriceView:
    premium = model().price(ARBITRUM, TERMS, 90 * DAY)
    return price_view(ARBITRUM, TERMS, 90 * DAY, premium, model())


def bands(figure: go.Figure, row: str) -> list[tuple[datetime, float]]:
    """Start and length in seconds of the bars of a row."""
    found = [trace for trace in figure.data if trace.type == "bar" and trace.y[0] == row]
    return [(trace.base[0], trace.x[0] / 1_000) for trace in found]


def marks(figure: go.Figure, row: str) -> list[tuple[datetime, ...]]:
    return [tuple(trace.x) for trace in figure.data if trace.type == "scatter" and row in trace.y]


def test_the_breakdown_is_a_staircase_that_ends_at_the_premium(price: PriceView) -> None:
    bar = figures.breakdown(price, DEPLOYMENT).data[0]
    steps = list(zip(bar.base, bar.x, strict=True))
    for (base, width), (following, _) in pairwise(steps[:-1]):
        assert base + width == pytest.approx(following)
    assert steps[-1] == (0.0, price.premium / 1e6)
    assert bar.y[-1] == "Premium" and bar.text[-1] == exact(price.premium, DEPLOYMENT)


def test_components_of_nothing_take_no_room(price: PriceView) -> None:
    drawn = figures.breakdown(price, DEPLOYMENT).data[0].y
    assert "Expenses" not in drawn and len(drawn) == sum(1 for part in price.components if part.amount) + 1


def test_what_is_judgement_has_a_colour_of_its_own(price: PriceView) -> None:
    bar = figures.breakdown(price, DEPLOYMENT).data[0]
    colour = dict(zip(bar.y, bar.marker.color, strict=True))
    assert colour["Basis risk"] == figures.AMBER != colour["Payout for outages, point estimate"]


def test_the_loss_curve_is_the_views_and_marks_premium_and_quantile(price: PriceView) -> None:
    figure = figures.loss(price.loss, price.premium, DEPLOYMENT)
    curve = figure.data[0]
    assert list(curve.y) == list(price.loss.exceedance)
    assert curve.x[-1] == TERMS.aggregate_limit / 1e6
    assert [shape.x0 for shape in figure.layout.shapes] == [price.premium / 1e6, price.loss.quantile_99 / 1e6]


@pytest.mark.parametrize(
    ("hours", "without", "with_failover"), [(0.5, 0, 0), (1, 0, 0), (2, 3_600, 8_600), (11, 36_000, 36_000)]
)
def test_the_payoff_is_drawn_by_the_function_that_settles(hours: float, without: float, with_failover: float) -> None:
    plain_line, failover_line = figures.payoff(TERMS, DEPLOYMENT).data
    for line, expected in ((plain_line, without), (failover_line, with_failover)):
        nearest = min(range(len(line.x)), key=lambda i: abs(line.x[i] - hours))
        assert line.y[nearest] == pytest.approx(expected + (line.x[nearest] - hours) * 3_600 * (0 < expected < 36_000))


def test_a_payoff_without_failover_benefit_is_one_line_that_jumps_when_qualifying() -> None:
    terms = replace(TERMS, failover_benefit=0, semantics=Semantics.QUALIFYING)
    (line,) = figures.payoff(terms, DEPLOYMENT).data
    at = dict(zip(line.x, line.y, strict=True))
    assert (at[1.0], at[3_601 / 3_600]) == (0.0, 3_601.0)


@pytest.mark.parametrize(
    "terms", [replace(TERMS, rate_per_second=1), replace(TERMS, waiting_seconds=SECONDS_BOUND - 1)]
)
def test_a_payoff_whose_limit_lies_beyond_every_length_ends_at_the_longest(terms: Terms) -> None:
    line = figures.payoff(terms, DEPLOYMENT).data[0]
    assert line.x[-1] == (SECONDS_BOUND - 1) / 3_600
    assert line.y[-1] < TERMS.incident_limit / 1e6


def test_the_history_shows_assets_and_share_price_on_axes_of_their_own() -> None:
    pool = ScreenEngine().pool()
    assets, share = figures.history(pool.history, DEPLOYMENT).data
    assert assets.y[-1] == pool.history[-1].assets / 1e6
    assert share.y[-1] == pool.share_price_e18 / 1e18 and share.yaxis == "y2"
    assert assets.x[0] == stamp(pool.history[0].at)


def test_exposure_sets_the_reserve_apart_and_never_counts_it_twice() -> None:
    lines = ScreenEngine().pool().subjects
    held, rest, cap = figures.exposure(lines, DEPLOYMENT).data
    assert [one + other for one, other in zip(held.x, rest.x, strict=True)] == pytest.approx(
        [line.exposed / 1e6 for line in lines]
    )
    assert dict(zip(held.y, held.x, strict=True))["Base"] > 0
    assert set(cap.x) == {500_000.0}


def test_scenarios_are_drawn_against_what_the_pool_has() -> None:
    lines = ScreenEngine().pool().scenarios
    bars, against = figures.scenarios(lines, DEPLOYMENT).data
    assert list(bars.y) == [line.name for line in lines]
    assert list(against.x) == [line.available / 1e6 for line in lines]


def test_the_timeline_shows_every_spell_of_every_path_in_its_row() -> None:
    view = running_incident()
    figure = figures.timeline(view, DEPLOYMENT, NOW)
    for path in view.paths:
        row = figures.path_row(path.name, path.family)
        assert bands(figure, row) == [(stamp(s.start), float(s.until - s.start)) for s in path.spells]


def test_an_open_spell_is_hatched_and_an_ended_one_is_not() -> None:
    figure = figures.timeline(running_incident(), DEPLOYMENT, NOW)
    shapes = [trace.marker.pattern.shape for trace in figure.data if trace.y and trace.y[0].startswith("Watchers B")]
    assert shapes == ["", "/"]


def test_the_timeline_shows_confirmed_spans_checkpoints_and_payments() -> None:
    view = running_incident()
    figure = figures.timeline(view, DEPLOYMENT, NOW)
    assert bands(figure, "Confirmed") == [(stamp(BEGAN), 12_000.0)]
    assert marks(figure, "Proposed") == [tuple(stamp(check.proposed_at) for check in view.checkpoints)]
    assert marks(figure, "Ready") == [tuple(stamp(check.ready_at) for check in view.checkpoints)]
    assert marks(figure, "Payments") == [tuple(stamp(payment.at) for payment in PAYMENTS)]


def test_now_is_marked_while_the_incident_runs_and_the_return_once_it_is_over() -> None:
    def named(figure: go.Figure) -> list[str]:
        return [note.text for note in figure.layout.annotations]

    assert named(figures.timeline(running_incident(), DEPLOYMENT, NOW)) == ["now"]
    assert named(figures.timeline(final_incident(), DEPLOYMENT, NOW)) == ["back"]


def test_spells_long_before_the_incident_do_not_stretch_its_timeline() -> None:
    view = final_incident()
    old = replace(view.paths[0].spells[0], start=1_000, until=2_000)
    path = replace(view.paths[0], spells=(old, *view.paths[0].spells))
    figure = figures.timeline(replace(view, paths=(path, *view.paths[1:])), DEPLOYMENT, NOW)
    assert figure.layout.xaxis.range[0] > datetime(2026, 1, 1)


def test_an_incident_without_anything_confirmed_or_paid_can_be_drawn() -> None:
    view = replace(running_incident(), spans=(), payments=(), checkpoints=())
    assert bands(figures.timeline(view, DEPLOYMENT, NOW), "Confirmed") == []


def test_every_axis_of_money_names_the_asset(price: PriceView) -> None:
    drawn = (figures.breakdown(price, DEPLOYMENT), figures.exposure(ScreenEngine().pool().subjects, DEPLOYMENT))
    assert all("tUSD" in figure.layout.xaxis.title.text for figure in drawn)


# ---------------------------------------------------------------- text


def test_money_is_cut_what_is_paid_for_is_rounded_up_and_exact_is_exact() -> None:
    amount = 1_234_567_891
    assert money(amount, DEPLOYMENT) == "1,234.56 tUSD"
    assert money_up(amount, DEPLOYMENT) == "1,234.57 tUSD"
    assert money_up(1_230_000, DEPLOYMENT) == "1.23 tUSD"
    assert exact(amount, DEPLOYMENT) == "1,234.567891 tUSD"
    assert exact(5_000_000, DEPLOYMENT) == "5.00 tUSD"
    assert (plain(-1_500_000, DEPLOYMENT), plain(-1, DEPLOYMENT, 0), plain(7, DEPLOYMENT, 0)) == ("−1.50", "0", "0")


def test_an_amount_of_eighteen_decimals_keeps_its_digits() -> None:
    ether = replace(DEPLOYMENT, asset_decimals=18, asset_symbol="ETH")
    assert exact(10**27 + 1, ether) == "1,000,000,000.000000000000000001 ETH"


def test_times_are_utc_and_a_time_that_is_not_yet_is_a_dash() -> None:
    at = int(datetime(2026, 3, 1, 5, 6, 7, tzinfo=UTC).timestamp())
    assert (utc(at), utc(at, seconds=False), utc(0)) == ("2026-03-01 05:06:07 UTC", "2026-03-01 05:06 UTC", "–")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (3_600, "1 h"), (3_661, "1 h 1 min"), (90_000, "1 d 1 h"), (86_460, "1 d")],
)
def test_durations_have_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds).replace("\u202f", " ") == said


def test_small_chances_are_never_shown_as_none() -> None:
    said = [chance(p).replace("\u202f", " ") for p in (0.0, 1e-6, 0.0809, 0.5)]
    assert said == ["0.00 %", "< 0.01 %", "8.09 %", "50.0 %"]
    assert percent(None) == "–" and percent(1_234).replace("\u202f", " ") == "12.34 %"


def test_names_and_hashes_are_made_readable() -> None:
    assert words("ClaimPaid") == "Claim paid"
    assert short("0x" + "ab" * 32, 10, 6) == "0xabababab…ababab" and short("0x12") == "0x12"
