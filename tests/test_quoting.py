"""Floats become integers once, rounding up."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.quoting import (
    CONTRACT_YEAR_SECONDS,
    check_listing,
    expected_payouts,
    floor_premium,
    make_quote,
    price_view,
    rate_per_hour,
    rate_per_second_down,
    round_up,
    version_word,
    yearly_bps_up,
)
from insure.records.onchain import Listing, Semantics, Terms
from insure.records.views import CapitalView, PriceView, QuoteRequest
from pricing_models.observation import WATCHERS, Trigger
from pricing_models.overrides import Override
from tests.screen_engine import ARBITRUM, BUYER, DAY, HOUR, NOW, USD, model

TERM = 90 * DAY
TERMS = Terms(HOUR, Semantics.RETENTION, 1_388_888, 0, 50_000 * USD, 100_000 * USD)
LISTING = Listing(150, HOUR, 2 * HOUR, 7 * DAY, 365 * DAY, 500_000 * USD)
REQUEST = QuoteRequest(ARBITRUM, BUYER, TERMS, TERM)


def priced(floor_rate_bps: int = 0) -> PriceView:
    premium = model().price(ARBITRUM, TERMS, TERM)
    return price_view(ARBITRUM, TERMS, TERM, premium, model(), floor_rate_bps)


@given(st.floats(0, 1e24))
def test_rounding_up_never_takes_less_and_never_a_whole_unit_more(amount: float) -> None:
    assert 0 <= Fraction(round_up(amount)) - Fraction(amount) < 1


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -0.5])
def test_an_amount_that_is_no_money_is_refused(amount: float) -> None:
    with pytest.raises(InvalidInput, match="must be finite and at least 0"):
        round_up(amount)


@given(st.integers(0, 2**80))
def test_an_hour_of_downtime_never_pays_more_than_the_rate_per_hour_asked(per_hour: int) -> None:
    paid = rate_per_hour(rate_per_second_down(per_hour))
    assert per_hour - HOUR < paid <= per_hour


def test_the_components_add_up_to_the_premium_and_none_is_below_the_model() -> None:
    view, premium = priced(), model().price(ARBITRUM, TERMS, TERM)
    assert sum(part.amount for part in view.components) == view.premium
    for part, modelled in zip(view.components, premium.components, strict=True):
        assert part.name == modelled.name
        assert 0 <= part.amount - modelled.amount <= 1


def test_what_rests_on_judgement_says_so() -> None:
    judged = {part.name for part in priced().components if part.judgement}
    assert judged == {"failover", "capital", "basis_risk", "recent_halt", "operator_control"}


def test_what_a_trigger_leaves_unpaid_is_taken_off_and_still_rounded_against_the_buyer() -> None:
    strict = Trigger((WATCHERS, WATCHERS), 2)
    premium = model().price(ARBITRUM, TERMS, TERM, trigger=strict)
    view = price_view(ARBITRUM, TERMS, TERM, premium, model())
    amounts = {part.name: part.amount for part in view.components}
    assert amounts["basis_risk"] < 0
    assert 0 <= amounts["basis_risk"] - premium.breakdown["basis_risk"] < 1
    assert sum(amounts.values()) == view.premium >= premium.total
    payout = ("point_estimate", "parameter_uncertainty", "failover", "basis_risk")
    assert 0 <= sum(amounts[name] for name in payout) - premium.loss.mean < 4


def test_a_price_tells_the_rate_it_rests_on_and_how_much_own_history_weighs() -> None:
    view = priced()
    assert view.rate is not None
    assert 0.0 < view.rate.low < view.rate.mean < view.rate.high
    assert 0.0 < view.rate.credibility < 1.0
    assert f"own history weighs {view.rate.credibility:.0%}" in view.rests_on[0]


@pytest.mark.parametrize(("need", "charged"), [(None, "lock"), (0.5, "lock"), (1e5 * USD + 0.5, "marginal")])
def test_a_price_tells_what_its_capital_is_charged_on(need: float | None, charged: str) -> None:
    premium = model().price(ARBITRUM, TERMS, TERM, marginal_capital=need)
    view = price_view(ARBITRUM, TERMS, TERM, premium, model())
    rounded = None if need is None else ceil(need)
    assert view.capital == CapitalView(TERMS.aggregate_limit, rounded)
    assert view.capital.counts == charged
    base = max(TERMS.aggregate_limit, need or 0.0) * 0.1 * (TERM + 7 * DAY) / (365.25 * DAY)
    assert next(part.amount for part in view.components if part.name == "capital") == ceil(base)


def test_a_premium_that_is_not_below_the_most_that_cover_pays_is_warned_of() -> None:
    assert priced().most_payable == TERMS.aggregate_limit and priced().warnings == ()
    moment = replace(TERMS, waiting_seconds=167 * HOUR, incident_limit=1_000)
    premium = model().price(ARBITRUM, moment, 1)
    view = price_view(ARBITRUM, moment, 1, premium, model())
    assert view.most_payable == 1_000 < view.premium
    assert view.warnings == (f"premium is {view.premium}: not below 1000, the most that this cover can ever pay",)


def test_a_mean_below_the_point_estimate_is_not_called_one() -> None:
    premium = model().price(ARBITRUM, TERMS, TERM)
    low = replace(premium, means=replace(premium.means, plug_in=2 * premium.means.predictive))
    first, *_ = price_view(ARBITRUM, TERMS, TERM, low, model()).components
    assert first.label == "Payout for outages, mean (the point estimate is higher)"
    assert first.amount == ceil(premium.means.predictive)
    assert priced().components[0].label == "Payout for outages, point estimate"


def test_an_underwriters_override_is_part_of_the_price() -> None:
    stated = Override(ARBITRUM, 1.5, "moved house", "Ann", float(NOW - DAY))
    fitted = replace(model(), overrides={ARBITRUM: stated})
    premium = fitted.price(ARBITRUM, TERMS, TERM)
    assert price_view(ARBITRUM, TERMS, TERM, premium, fitted).override == stated
    assert priced().override is None


def test_the_premium_lies_between_its_low_and_its_high() -> None:
    view = priced()
    assert view.premium_low < view.premium < view.premium_high


def test_a_floor_above_the_price_is_met_to_the_unit() -> None:
    free, floored = priced(), priced(5_000)
    assert floored.premium == floor_premium(5_000, TERMS, TERM) > free.premium
    top_up = {part.name: part.amount for part in floored.components}["minimum_rate"]
    assert top_up == floored.premium - free.premium


@given(st.integers(0, 20_000), st.integers(1, 10 * CONTRACT_YEAR_SECONDS), st.integers(1, 2**95))
def test_the_floor_is_the_least_premium_that_the_contract_takes(bps: int, term: int, limit: int) -> None:
    terms = replace(TERMS, incident_limit=1, aggregate_limit=limit)
    assert floor_premium(bps, terms, term) == ceil(Fraction(bps * limit * term, 10_000 * CONTRACT_YEAR_SECONDS))


def test_the_rate_on_line_is_a_yearly_one_rounded_up() -> None:
    assert yearly_bps_up(1, 10_000, CONTRACT_YEAR_SECONDS) == 1
    assert yearly_bps_up(1, 10_001, CONTRACT_YEAR_SECONDS) == 1
    assert yearly_bps_up(100, 10_000, CONTRACT_YEAR_SECONDS // 2) == 200


def test_the_exceedance_curve_falls_from_the_chance_of_any_payment_to_nothing_at_the_limit() -> None:
    loss = priced().loss
    assert list(loss.amounts) == sorted(set(loss.amounts))
    assert list(loss.exceedance) == sorted(loss.exceedance, reverse=True)
    assert loss.exceedance[0] == pytest.approx(loss.probability_of_any, rel=0.02)
    assert (loss.amounts[0], loss.amounts[-1]) == (0, TERMS.aggregate_limit)
    assert loss.exceedance[-1] == pytest.approx(0, abs=1e-9)
    assert loss.quantile_95 <= loss.quantile_99 <= TERMS.aggregate_limit


def test_a_version_becomes_a_word_that_begins_with_it() -> None:
    assert version_word("1a05") == "0x1a05" + "0" * 60
    for wrong in ("", "XYZ", "a" * 65):
        with pytest.raises(InvalidInput, match="model_version"):
            version_word(wrong)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"term_seconds": 7 * DAY - 1}, "term_seconds"),
        ({"term_seconds": 365 * DAY + 1}, "term_seconds"),
        ({"terms": replace(TERMS, waiting_seconds=HOUR - 1)}, "terms.waiting_seconds"),
        ({"terms": replace(TERMS, incident_limit=2 * HOUR * TERMS.rate_per_second - 1)}, "terms.incident_limit"),
        (
            {"terms": replace(TERMS, incident_limit=2 * HOUR * TERMS.rate_per_second, failover_benefit=1)},
            "terms.incident_limit",
        ),
        (
            {
                "terms": replace(
                    TERMS, semantics=Semantics.QUALIFYING, incident_limit=3 * HOUR * TERMS.rate_per_second - 1
                )
            },
            "terms.incident_limit",
        ),
        ({"terms": replace(TERMS, aggregate_limit=400_001 * USD)}, "terms.aggregate_limit"),
    ],
)
def test_what_the_listing_does_not_allow_is_refused_by_the_name_of_its_field(
    change: dict[str, object], field: str
) -> None:
    request = replace(REQUEST, **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=rf"^{field} is \d+: must be at (least|most) \d+"):
        check_listing(request, LISTING, 1_800, 7 * DAY, 100_000 * USD)


def test_the_limits_of_the_listing_themselves_are_allowed() -> None:
    terms = replace(TERMS, incident_limit=2 * HOUR * TERMS.rate_per_second, aggregate_limit=400_000 * USD)
    check_listing(replace(REQUEST, terms=terms, term_seconds=7 * DAY), LISTING, 1_800, 7 * DAY, 100_000 * USD)
    qualifying = replace(
        TERMS,
        semantics=Semantics.QUALIFYING,
        failover_benefit=USD,
        incident_limit=3 * HOUR * TERMS.rate_per_second + USD,
    )
    check_listing(replace(REQUEST, terms=qualifying), LISTING, 1_800, 7 * DAY, 100_000 * USD)


def test_cover_that_takes_longer_to_pay_than_its_collateral_stays_is_refused() -> None:
    slow = replace(TERMS, rate_per_second=1, incident_limit=100 * HOUR)
    check_listing(replace(REQUEST, terms=slow), LISTING, HOUR, 102 * HOUR, 0)
    with pytest.raises(InvalidInput, match=r"terms\.incident_limit"):
        check_listing(replace(REQUEST, terms=slow), LISTING, HOUR, 102 * HOUR - 1, 0)


def test_a_quote_carries_the_price_and_lasts_the_term() -> None:
    price = priced()
    quote = make_quote(REQUEST, price, pool="P", asset="A", trigger_id="T", start=1_000, nonce=7, deadline=900)
    assert (quote.premium, quote.end - quote.start, quote.terms) == (price.premium, TERM, TERMS)


def test_a_price_for_other_terms_makes_no_quote() -> None:
    other = replace(REQUEST, term_seconds=TERM + 1)
    with pytest.raises(InvalidInput, match="other terms"):
        make_quote(other, priced(), pool="P", asset="A", trigger_id="T", start=1_000, nonce=7, deadline=900)


def test_the_expected_payout_of_a_policy_includes_parameter_uncertainty() -> None:
    breakdown = {"point_estimate": 10, "parameter_uncertainty": 3, "basis_risk": -2, "capital": 99}
    loaded = {"point_estimate": 10, "parameter_uncertainty": 3, "basis_risk_loading": 7, "capital": 99}
    older = {"expected_payout": 10, "parameter_uncertainty": 3, "basis_risk": 7, "capital": 99}
    assert expected_payouts([(4, breakdown), (5, older), (6, loaded)]) == {4: 11, 5: 13, 6: 13}
    with pytest.raises(InvalidInput, match=r"expected_payout of a quote's breakdown is 1\.5"):
        expected_payouts([(4, {"expected_payout": 1.5})])
