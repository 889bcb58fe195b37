"""A refit tells which quoted prices moved by more than a tenth, and by which of its two steps."""

from dataclasses import replace

import pandas as pd
import pytest

from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.model import fit
from pricing_models.observation import STANDARD_TRIGGER
from pricing_models.overrides import Override
from pricing_models.payoff import Semantics, Terms
from pricing_models.premium import Loadings
from pricing_models.pricing import Enquiry, price_many
from pricing_models.refit import report, standard_panel
from tests.simulated_history import history

DAY = 86_400
AS_OF = year_start(2024)
SUBJECTS, OUTAGES = history(31, 30)
TERMS = Terms(3600, Semantics.RETENTION, 1_000, 0, 43_200_000, 86_400_000)
MODEL = fit(SUBJECTS, OUTAGES, AS_OF)
QUOTED = [Enquiry(name, TERMS, 90 * DAY) for name in ("s000", "s001", "s002")]


def more_halts(subject: str, count: int) -> pd.DataFrame:
    rows = OUTAGES.iloc[[0] * count].assign(
        subject_id=subject,
        event_id=[f"new{i}" for i in range(count)],
        start=[AS_OF - 100 * DAY * (i + 2) for i in range(count)],
    )
    return pd.concat([OUTAGES, rows], ignore_index=True)


def test_the_same_fit_moves_nothing():
    found = report(MODEL, MODEL, QUOTED)
    assert (found.compared, found.moves, found.gone, found.settings) == (3, (), (), ())


def test_a_subject_that_halted_more_costs_more_by_its_rate():
    later = fit(SUBJECTS, more_halts("s001", 4), AS_OF)
    (move,) = [each for each in report(MODEL, later, QUOTED).moves if each.enquiry.subject_id == "s001"]
    before, after = (price_many(model, [QUOTED[1]])[0].total for model in (MODEL, later))
    assert move.change == pytest.approx(after / before - 1.0)
    assert move.change > 0.1
    assert move.by_rate + move.by_lengths == pytest.approx(move.change)
    assert abs(move.by_rate) > 5 * abs(move.by_lengths)
    was, now = (int(model.experience.subjects.at["s001", "halts"]) for model in (MODEL, later))
    assert f"{was} halts in" in move.reasons[0] and f"{now} halts in" in move.reasons[0].split("→")[1]


def test_longer_lengths_move_prices_by_the_lengths():
    longer = OUTAGES.assign(low_seconds=OUTAGES["low_seconds"] * 3, high_seconds=OUTAGES["high_seconds"] * 3)
    later = fit(SUBJECTS, longer, AS_OF)
    moves = report(MODEL, later, QUOTED).moves
    assert {each.enquiry.subject_id for each in moves} == {"s000", "s001", "s002"}
    for move in moves:
        assert move.by_lengths > 5 * abs(move.by_rate)
        assert move.reasons[-1].startswith("lengths: ")


def test_the_largest_move_comes_first_and_small_ones_are_left_out():
    later = fit(SUBJECTS, more_halts("s001", 4), AS_OF)
    everything = report(MODEL, later, standard_panel(MODEL, QUOTED[0]), least=0.0)
    changes = [abs(each.change) for each in everything.moves]
    assert changes == sorted(changes, reverse=True)
    assert everything.compared == 30 >= len(changes) > len(report(MODEL, later, standard_panel(MODEL, QUOTED[0])).moves)


def test_an_override_is_a_reason():
    stated = fit(SUBJECTS, OUTAGES, AS_OF, overrides=[Override("s002", 9.0, "it is on fire", "Ann", AS_OF - DAY)])
    found = report(MODEL, stated, QUOTED)
    (move,) = found.moves
    assert "it is on fire" in move.reasons[0]
    assert found.settings == ("override on s002: none → 9 a year (it is on fire)",)


def test_what_else_differs_is_said():
    later = fit(SUBJECTS, more_halts("s001", 1), AS_OF + 0.0)
    assert any(line.startswith("other data: ") for line in report(MODEL, later, QUOTED).settings)
    sooner = fit(SUBJECTS, OUTAGES, AS_OF - 30 * DAY)
    assert "fitted 30 days later" in report(sooner, MODEL, QUOTED).settings
    other = replace(MODEL, code="0.0.0+0")
    assert any("fitted by other code: 0.0.0+0 →" in line for line in report(other, MODEL, QUOTED).settings)


def test_a_subject_that_left_the_data_is_gone():
    without = fit(SUBJECTS[SUBJECTS["subject_id"] != "s000"], OUTAGES, AS_OF)
    found = report(MODEL, without, QUOTED)
    assert [each.subject_id for each in found.gone] == ["s000"]
    assert found.compared == 2


def test_each_quote_moves_on_its_own_paths_and_with_its_own_loadings():
    later = fit(SUBJECTS, more_halts("s001", 4), AS_OF)
    blind = replace(STANDARD_TRIGGER, quorum=3)
    dear = Loadings(expense_fixed=1e6, tail_seconds=60 * DAY)
    quoted = [replace(QUOTED[1], trigger=blind), QUOTED[1], replace(QUOTED[1], trigger=blind)]
    found = report(MODEL, later, quoted, [Loadings(), dear, dear], least=0.0)
    assert len(found.moves) == 3
    for enquiry, loadings in zip(quoted, [Loadings(), dear, dear], strict=True):
        before, after = (price_many(model, [enquiry], loadings)[0].total for model in (MODEL, later))
        assert any(
            (move.enquiry, move.before, move.after) == (enquiry, pytest.approx(before), pytest.approx(after))
            for move in found.moves
        )
    with pytest.raises(InvalidData, match="loadings are 1: must be as many as the quotes, 3, or none"):
        report(MODEL, later, quoted, [dear])


def test_a_threshold_that_is_none_is_refused():
    with pytest.raises(InvalidData, match="least is nan"):
        report(MODEL, MODEL, QUOTED, least=float("nan"))


def test_a_price_below_its_floor_is_the_floor():
    later = fit(SUBJECTS, more_halts("s001", 6), AS_OF)
    (free,) = report(MODEL, later, QUOTED[1:2]).moves
    low = int(free.before) + 1
    (held,) = report(MODEL, later, QUOTED[1:2], least=0.0, floors=[low]).moves
    assert (held.before, held.after) == (float(low), free.after)
    assert report(MODEL, later, QUOTED[1:2], floors=[int(free.after) * 9]).moves == ()
    with pytest.raises(InvalidData, match="floors are 2: must be as many as the quotes, 3, or none"):
        report(MODEL, later, QUOTED, floors=[1, 2])
