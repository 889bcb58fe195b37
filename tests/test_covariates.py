"""What `pricing_models.covariates` promises: effects of age and recent halts, recovered and neutral where unknown."""

import numpy as np
import pandas as pd
import pytest

from pricing_models import experience
from pricing_models.cells import cut, year_start
from pricing_models.covariates import (
    AGE_DESIGNS,
    AgeEffect,
    age_bands,
    age_power,
    fit_covariates,
    log_age,
    no_covariate,
    operational_years,
    recent_halt,
)
from pricing_models.frequency import FrequencyPrior
from tests.simulated_history import history

PRIOR = FrequencyPrior()


def cells_of(seed, **options):
    subjects, outages = history(seed, 120, **options)
    return cut(subjects, experience.build(subjects, outages, year_start(2030)))


@pytest.mark.parametrize("truth", [-0.8, 0.0])
def test_the_power_of_age_is_recovered(truth):
    found = [fit_covariates(cells_of(seed, age_exponent=truth, mean=0.8), age_power, PRIOR)[0] for seed in range(6)]
    error = np.std(found, ddof=1) / np.sqrt(6)
    assert np.mean(found) == pytest.approx(truth, abs=4 * error)
    assert error < 0.1


def test_busy_subjects_do_not_pass_for_an_effect_of_recent_halts():
    found = [fit_covariates(cells_of(seed, mean=1.0, shape=0.4), recent_halt, PRIOR)[0] for seed in range(6)]
    assert np.mean(found) == pytest.approx(0.0, abs=4 * np.std(found, ddof=1) / np.sqrt(6))
    cells = cells_of(0, mean=1.0, shape=0.4)
    recent = cells["recent"] == 1.0
    raw = cells[recent]["halts"].sum() / cells[recent]["years"].sum()
    assert raw > 1.4 * cells["halts"].sum() / cells["years"].sum()  # which a plain ratio would have claimed


def test_the_factor_is_one_at_the_reference_age_and_where_the_age_is_unknown():
    assert log_age(np.array([2.0, np.nan])).tolist() == [0.0, 0.0]
    assert log_age(np.array([-1.0]))[0] == log_age(np.array([0.0]))[0] < 0.0 < log_age(np.array([10.0]))[0]


@pytest.mark.parametrize(
    "effect",
    [AgeEffect("power", (-0.6,)), AgeEffect("power", (-1.0,)), AgeEffect("bands", (0.4, -0.3, -1.1))],
    ids=["power", "power of minus one", "bands"],
)
@pytest.mark.parametrize("age", [0.0, 0.4, 2.0, 7.5, 30.0])
@pytest.mark.parametrize("years", [1e-6, 0.25, 9.0])
def test_the_mean_factor_of_a_term_is_that_of_the_cells_it_consists_of(effect, age, years):
    middles = age + years * (np.arange(20_000) + 0.5) / 20_000
    design = AGE_DESIGNS[effect.form](pd.DataFrame({"age": middles}))
    assert effect.mean_factor(age, years) == pytest.approx(np.exp(design @ effect.coefficients).mean(), rel=1e-3)


def test_without_a_known_age_or_an_effect_of_it_the_factor_is_one():
    assert AgeEffect("bands", (0.4, -0.3, -1.1)).mean_factor(np.nan, 1.0) == 1.0
    assert AgeEffect("none", ()).mean_factor(3.0, 1.0) == 1.0


def test_age_bands_mark_what_lies_outside_the_reference():
    ages = pd.DataFrame({"age": [0.1, 0.5, 4.9, 5.0, 8.0, np.nan]})
    marks = age_bands(ages)
    assert marks.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_without_covariate_operational_time_is_time():
    cells = cells_of(1)
    beta = fit_covariates(cells, no_covariate, PRIOR)
    assert beta.size == 0
    plain = cells.groupby("subject_id")["years"].sum()
    assert operational_years(cells, no_covariate, beta).to_numpy() == pytest.approx(plain.to_numpy())


def test_the_power_is_that_of_crow_and_amsaa_but_for_the_pull_of_the_prior():
    """ReliaSoft's example of reliability growth: 22 failures to T = 620, beta 0.614210 (a rate like age^(beta - 1))."""
    early = [2.7, 10.3, 12.5, 30.6, 57.0, 61.3, 80.0, 109.5, 125.0, 128.6, 143.8]
    late = [167.9, 229.2, 296.7, 320.6, 328.2, 366.2, 396.7, 421.1, 438.2, 501.2, 620.0]
    times = np.array([*early, *late])
    assert times.size / np.log(620.0 / times).sum() == pytest.approx(0.614210, abs=5e-7)
    edges = np.append(0.0, np.geomspace(1e-3, 620.0, 4000))
    cells = pd.DataFrame(
        {
            "subject_id": "a",
            "group": "all",
            "years": np.diff(edges),
            "halts": np.histogram(times, edges)[0],
            "age": np.append(5e-4, np.sqrt(edges[1:-1] * edges[2:])),
        }
    )
    beta = fit_covariates(cells, lambda c: np.log(c["age"].to_numpy(dtype=float))[:, None], PRIOR)
    assert 1.0 + beta[0] == pytest.approx(0.614210, abs=0.02)  # its standard error is 0.13
