"""What `pricing_models.calibration` promises: fits find what their data were made from, and a wrong one is caught."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pricing_models import calibration, frequency
from pricing_models.calibration import (
    FLOOR,
    OF_AGE,
    age_below,
    below,
    lengths_below,
    rates_below,
    seen_lengths,
    study,
    uniformity,
)
from pricing_models.covariates import spread_of
from pricing_models.duration import bounds
from pricing_models.experience import Status
from pricing_models.frequency import FrequencyPrior
from pricing_models.lengths import DurationPosterior, SplicedPosterior
from pricing_models.scoring import DurationPrior, posterior, split
from pricing_models.tails import Tail


@pytest.mark.parametrize("subjects", [10, 40])
def test_what_the_posterior_puts_below_the_true_rates_is_uniform(subjects):
    found = uniformity([rates_below(seed, subjects) for seed in range(60)])
    assert set(found) == {"mean", "spread", "rate"}
    assert min(found.values()) > 0.005


def test_a_prior_that_is_not_the_one_of_the_simulation_is_caught(monkeypatch):
    wrong = FrequencyPrior(mean_rate=2.0, mean_log_sd=0.1)
    monkeypatch.setattr("pricing_models.calibration.fit", lambda known, _: frequency.fit(known, wrong))
    assert uniformity([rates_below(seed, 10) for seed in range(25)])["mean"] < 0.001


@pytest.mark.parametrize(("law", "halts"), [("lognormal", 40), ("loglogistic", 10), ("lognormal+gpd", 40)])
def test_what_the_posterior_puts_below_the_true_lengths_is_uniform(law, halts):
    found = uniformity([lengths_below(seed, halts, law) for seed in range(40)])
    assert set(found) == ({"far"} if "+" in law else {"far", "mu", "sigma"})
    assert min(found.values()) > 0.005


@pytest.mark.parametrize("name", ["lognormal", "weibull", "burr", "loglogistic+gpd"])
@pytest.mark.parametrize("log_scale", [9.0, 2.0])  # of two hours and a half, and of seconds: next to none is seen
def test_simulated_lengths_are_as_many_as_asked_for_and_have_the_law_of_those_beyond_the_floor(name, log_scale):
    body, threshold = split(name, DurationPrior())
    known = (body, np.array([log_scale]), np.array([1.2]), np.ones(1), "known", 0.0, np.array([1.5]))
    law = DurationPosterior(*known)
    if np.isfinite(threshold):
        law = SplicedPosterior(*known, threshold, Tail(np.array([0.3]), np.array([7200.0]), np.ones(1)))
    lengths = seen_lengths(np.random.default_rng(1), law, 2_000)
    assert lengths.size == 2_000 and lengths.min() >= FLOOR
    assert stats.kstest(law.sf(lengths) / law.sf(np.array([FLOOR])), "uniform").pvalue > 0.01


def test_what_a_normal_law_puts_below_the_true_effect_of_age_is_uniform():
    found = uniformity([age_below(seed, 30) for seed in range(40)])
    assert set(found) == set(OF_AGE)
    assert min(found.values()) > 0.005


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


def test_lengths_taken_as_if_the_short_ones_could_have_been_seen_are_caught(monkeypatch):
    whole = calibration.bounds
    monkeypatch.setattr(calibration, "bounds", lambda frame, missing: whole(frame, missing).assign(floor=0.0))
    assert uniformity([lengths_below(seed, 60, "lognormal") for seed in range(40)])["mu"] < 0.01


def test_taking_halts_that_ran_on_for_ended_ones_is_caught(monkeypatch):
    def as_if_ended(durations, missing):
        rows = bounds(durations, missing)
        return rows.assign(high=np.where(np.isinf(rows["high"]), rows["low"] + 60.0, rows["high"]))

    monkeypatch.setattr(calibration, "bounds", as_if_ended)
    assert min(uniformity([lengths_below(seed, 200, "lognormal") for seed in range(25)]).values()) < 0.001


def test_simulated_histories_hold_every_way_in_which_a_length_may_be_known():
    rng = np.random.default_rng(0)
    drawn = np.exp(rng.normal(9.6, 3.0, 2_000))
    lengths = drawn[drawn > FLOOR]
    rows = calibration._recorded(rng, lengths)
    assert set(rows["status"]) == {Status.MISSING, Status.RIGHT, Status.INTERVAL, Status.EXACT}
    held = bounds(rows, "drop")
    of = pd.Series(lengths, index=rows["event_id"]).loc[held["event_id"]].to_numpy()
    assert ((held["low"] <= of) & (of <= held["high"])).all()


def test_a_study_names_its_histories():
    found = study("lognormal", 4, subjects=10, halts=10)
    assert found["rates"]["subjects"] == found["lengths"]["halts"] == 10 and found["lengths"]["law"] == "lognormal"
    assert all(0.0 <= p <= 1.0 for each in found.values() for p in each["p_values"].values())


def test_a_history_far_out_in_the_prior_has_a_fit_too():
    """Lengths over forty powers of ten, which leave a Burr of the wrong shape a long ridge of parameters."""
    rng = np.random.default_rng(27)
    lengths = calibration._drawn_law(rng, "burr", DurationPrior()).sample(rng, 200)
    rows = bounds(calibration._recorded(rng, lengths[lengths > FLOOR]), "drop")
    assert posterior("burr", rows, DurationPrior(), "all", 0.0).weights.sum() == pytest.approx(1.0)


def test_probability_below_a_point_of_a_grid_spreads_its_step():
    values, weights = np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.5, 0.25])
    assert [below(values, weights, at) for at in (-0.5, 0.0, 1.0, 1.25, 2.5)] == [0.0, 0.125, 0.5, 0.625, 1.0]
