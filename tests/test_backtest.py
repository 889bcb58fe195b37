"""What `pricing_models.backtest` promises: one table of plain values that says what speaks against the model, too."""

import json

import numpy as np
import pandas as pd
import pytest

from pricing_models import backtest
from pricing_models.backtest import COVARIATES, report
from pricing_models.candidates import CANDIDATES, SHIPPED
from pricing_models.cells import year_start
from pricing_models.duration import SHIPPED_BODY
from pricing_models.length_candidates import LENGTH_CANDIDATES, LENGTH_SHIPPED
from pricing_models.model import fit
from tests.simulated_history import history

AS_OF = year_start(2021)
SUBJECTS, OUTAGES = history(8, 16, years=2, mean=2.0, age_exponent=-0.5)


@pytest.fixture(scope="module")
def found():
    return report(SUBJECTS, OUTAGES, AS_OF, fit(SUBJECTS, OUTAGES, AS_OF), simulated_histories=5)


def test_it_is_json_without_nan(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_every_candidate_is_shown_years_and_quarters_ahead(found):
    for window in ("year", "quarter"):
        assert set(found["frequency"][window]["candidates"]["all"]) == {each.name for each in CANDIDATES}
        assert set(found["frequency"][window]["candidates"]) == {"all", "l1"}


def test_the_choice_by_the_rule_is_named_beside_what_is_shipped(found):
    assert found["shipped"] == SHIPPED
    chosen = found["simplest_within_one_se_of_best"]
    assert found["shipped_is_the_simplest_within_one_se"] is (chosen == SHIPPED)
    said = f"{chosen} is the simplest within one standard error of the best: by the rule it would ship."
    assert (said in found["unflattering"]) is (chosen != SHIPPED)
    judged = [
        found["covariates"][window].get(f"{question}: {chosen}")
        for window in ("year", "quarter")
        for question in COVARIATES
    ]
    assert all(row["earns_its_place"] for row in judged if row)


def test_every_covariate_is_judged_by_what_it_won(found):
    for window in ("year", "quarter"):
        judged = found["covariates"][window]
        assert len(judged) == sum(map(len, COVARIATES.values()))
        for row in judged.values():
            assert row["earns_its_place"] is (row["won"] > row["se"])


def test_the_laws_of_lengths_that_competed_are_shown_with_what_one_halt_was_paid(found):
    lengths = found["lengths"]
    assert set(lengths["candidates"]) == {each.name for each in LENGTH_CANDIDATES}
    own = lengths["candidates"][lengths["shipped"]]
    assert lengths["shipped"] == LENGTH_SHIPPED and lengths["baseline"] in lengths["candidates"]
    assert own["halts"] == sum(row["halts"] for row in lengths["by_year"].values()) > 0
    assert sum(lengths["pit"]["shares"]) == pytest.approx(1.0, abs=1e-5)
    assert 0.0 < own["coverage_50"] < own["coverage_80"] < own["coverage_90"] <= 1.0


def test_what_speaks_against_the_lengths_is_said(found):
    own = found["lengths"]["candidates"][LENGTH_SHIPPED]
    worse = own | {"gain": 1.0, "gain_se": 2.0, "gain_low": -2.0}
    section = found["lengths"] | {"simplest_within_one_se_of_best": "one_law", "pit": {"p_value": 0.001}}
    said = backtest.of_lengths(section | {"candidates": {LENGTH_SHIPPED: worse}})
    assert said[0] == "Lengths: one_law is the simplest within one standard error of the best: it would ship."
    assert said[1].startswith("Lengths: the law won 1.0 nats ± 2.0")
    assert "(p = 0.001: no chance)" in said[2]
    assert f"paid {own['expected_over_paid']:.2f} times what it was" in said[3]


def test_the_books_factors_multiply_to_what_was_expected_over_what_was_paid(found):
    factors = {name: each["factor"] for name, each in found["book"]["expected_over_paid"].items()}
    assert factors["halts"] * factors["paid for one"] * factors["aggregate limit"] == pytest.approx(
        factors["all"], rel=1e-4
    )
    assert factors["all"] == pytest.approx(found["book"]["by_year"]["all"]["expected_over_paid"], rel=1e-4)


def test_fits_are_calibrated_in_simulated_histories(found):
    rates, lengths = found["calibration"]["rates"], found["calibration"]["lengths"]
    assert rates["runs"] == lengths["runs"] == 5
    assert lengths["law"] == SHIPPED_BODY and set(rates["p_values"]) == {"mean", "spread", "rate"}
    assert set(found["calibration"]["age"]["p_values"]) == {"young", "middle", "old"}


def test_a_fit_that_does_not_find_what_histories_were_made_from_is_said():
    odd = {"rates": {"p_values": {"mean": 0.5, "spread": 0.004}}, "lengths": {"p_values": {"far": 0.3}}}
    assert backtest._uncalibrated(odd) == [
        "Calibration: the rates' spread is not found in simulated histories (p = 0.004)."
    ]


def test_a_book_that_was_paid_too_little_by_chance_alone_is_said_to_be():
    years = pd.DataFrame({"subject_id": [f"s{i}" for i in range(60)], "expected": 10.0})
    paid = years.assign(paid_low=1.0, paid_base=2.0, paid_high=9.0 + np.arange(60) % 3)
    said = backtest._of_the_book(paid, {"expected": 600.0, "paid_base": 120.0, "premium": 1_200.0})
    assert "expected to be paid 5.00 times what it paid" in said[0]
    assert "paid less than expected with 90% confidence under 2 of 3 readings" in said[0]
    assert said[1] == "Its premiums were 10.0 times what it paid."


def test_what_speaks_against_the_model_is_said(found):
    said = " ".join(found["unflattering"])
    for part in ("Three chains", "halts were expected", "Top fifth", "Unknown ends", "hindsight", "times what it paid"):
        assert part in said
