"""What `pricing_models.calibration` promises: fits find what their data were made from, and a wrong one is caught."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pricing_models import calibration, frequency
from pricing_models.calibration import OF_AGE, OF_LENGTHS, SHARES, below, calibrate, shares_below
from pricing_models.covariates import spread_of
from pricing_models.frequency import FrequencyPrior


@pytest.mark.parametrize("subjects", [10, 40])
def test_what_the_posterior_puts_below_the_truth_is_uniform(subjects):
    found = calibrate(60, subjects)
    assert set(found) == set(SHARES)
    assert min(found.values()) > 0.005


@pytest.mark.parametrize(("kind", "size", "names"), [("lengths", 30, OF_LENGTHS), ("age", 30, OF_AGE)])
def test_so_it_is_for_lengths_known_in_part_and_for_the_effect_of_age(kind, size, names):
    """Lengths within bounds, at least so long, unknown, and unseen below a floor."""
    found = calibrate(40, size, kind=kind)
    assert set(found) == set(names)
    assert min(found.values()) > 0.005


def test_lengths_taken_as_if_the_short_ones_could_have_been_seen_are_caught(monkeypatch):
    whole = calibration.bounds
    monkeypatch.setattr(calibration, "bounds", lambda frame, missing: whole(frame, missing).assign(floor=0.0))
    shares = [calibration.lengths_below(seed, 60)["mu"] for seed in range(40)]
    assert stats.kstest(shares, "uniform").pvalue < 0.01


def test_the_spread_of_the_effect_of_age_is_what_the_halts_tell_of_it():
    rng = np.random.default_rng(2)
    cells = pd.DataFrame({"subject_id": np.repeat(np.arange(60), 20), "group": "all", "years": 0.25})
    cells["age"] = np.tile(np.arange(20) / 4.0, 60)
    rates = 0.8 * np.where(cells["age"] < 0.5, np.e, 1.0)
    cells["halts"] = rng.poisson(rates * 0.25)

    def young(table):
        return (table["age"].to_numpy() < 0.5).astype(float)[:, None]

    mode, covariance = spread_of(cells, young, FrequencyPrior())
    assert mode[0] == pytest.approx(1.0, abs=3 * np.sqrt(covariance[0, 0]))
    exposed = [float(cells.loc[cells["age"] < 0.5, "halts"].sum()), float(cells["halts"].sum())]
    # the share of halts in the first half year, a binomial, tells nearly all of it
    usual = np.sqrt(1.0 / exposed[0] + 1.0 / (exposed[1] - exposed[0]))
    assert np.sqrt(covariance[0, 0]) == pytest.approx(usual, rel=0.1)


def test_a_prior_that_is_not_the_one_of_the_simulation_is_caught(monkeypatch):
    wrong = FrequencyPrior(mean_rate=2.0, mean_log_sd=0.1)
    monkeypatch.setattr("pricing_models.calibration.fit", lambda known, _: frequency.fit(known, wrong))
    shares = [shares_below(seed, 10)["mean"] for seed in range(25)]
    assert stats.kstest(shares, "uniform").pvalue < 0.001


def test_probability_below_a_point_of_a_grid_spreads_its_step():
    values, weights = np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.5, 0.25])
    assert [below(values, weights, at) for at in (-0.5, 0.0, 1.0, 1.25, 2.5)] == [0.0, 0.125, 0.5, 0.625, 1.0]
