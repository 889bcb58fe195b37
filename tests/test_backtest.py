"""What `pricing_models.backtest` promises: one table of plain values that says what speaks against the model, too."""

import json

import pytest

from pricing_models.backtest import COVARIATES, report, uncalibrated
from pricing_models.candidates import CANDIDATES, SHIPPED
from pricing_models.cells import year_start
from pricing_models.model import fit
from tests.simulated_history import history

AS_OF = year_start(2021)
SUBJECTS, OUTAGES = history(8, 16, years=2, mean=2.0, age_exponent=-0.5)


@pytest.fixture(scope="module")
def found():
    return report(SUBJECTS, OUTAGES, AS_OF, fit(SUBJECTS, OUTAGES, AS_OF), calibrated=4)


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


def test_what_speaks_against_the_model_is_said(found):
    said = " ".join(found["unflattering"])
    for part in ("Three chains", "halts were expected", "Top fifth", "Unknown ends", "hindsight"):
        assert part in said


def test_it_tells_whether_fits_find_what_simulated_data_were_made_from(found):
    section = found["calibration"]
    assert section["runs"] == 4
    assert set(section["p_values"]) == {"rates", "lengths", "age"}
    assert all(0.0 <= p <= 1.0 for values in section["p_values"].values() for p in values.values())


def test_what_is_not_calibrated_is_said():
    section = {"runs": 40, "size": 40, "p_values": {"lengths": {"mu": 0.0004, "sigma": 0.2}}}
    assert uncalibrated(section) == [
        "The posterior of mu (lengths) is not calibrated: p = 0.0004 in 40 simulated histories."
    ]
