"""What `pricing_models.calibration` promises: fits find what their data were made from, and a wrong one is caught."""

import numpy as np
import pytest
from scipy import stats

from pricing_models import frequency
from pricing_models.calibration import SHARES, below, calibrate, shares_below
from pricing_models.frequency import FrequencyPrior


@pytest.mark.parametrize("subjects", [10, 40])
def test_what_the_posterior_puts_below_the_truth_is_uniform(subjects):
    found = calibrate(60, subjects)
    assert set(found) == set(SHARES)
    assert min(found.values()) > 0.005


def test_a_prior_that_is_not_the_one_of_the_simulation_is_caught(monkeypatch):
    wrong = FrequencyPrior(mean_rate=2.0, mean_log_sd=0.1)
    monkeypatch.setattr("pricing_models.calibration.fit", lambda known, _: frequency.fit(known, wrong))
    shares = [shares_below(seed, 10)["mean"] for seed in range(25)]
    assert stats.kstest(shares, "uniform").pvalue < 0.001


def test_probability_below_a_point_of_a_grid_spreads_its_step():
    values, weights = np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.5, 0.25])
    assert [below(values, weights, at) for at in (-0.5, 0.0, 1.0, 1.25, 2.5)] == [0.0, 0.125, 0.5, 0.625, 1.0]
