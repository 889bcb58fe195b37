"""Simulation-based calibration: does the fit find what it was made from?

Parameters are drawn from the prior, halts from the parameters; then the share of posterior probability below the truth
is uniform, exactly, if prior, likelihood and computation agree (Talts and others, arXiv 1804.06788).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from pricing_models.experience import Experience
from pricing_models.frequency import FrequencyPrior, fit

FloatArray = NDArray[np.float64]

SHARES = ("mean", "spread", "rate")


def shares_below(seed: int, subjects: int, years: float = 5.0, prior: FrequencyPrior | None = None) -> dict[str, float]:
    """Posterior probability below the true group mean, spread (shape) and first subject's rate in one simulated
    history, by the names of `SHARES`."""
    prior = prior or FrequencyPrior()
    rng = np.random.default_rng(seed)
    log_mean = np.log(prior.mean_rate) + prior.mean_log_sd * rng.normal()
    log_shape = np.log(prior.shape) + prior.shape_log_sd * rng.normal()
    rates = rng.gamma(np.exp(log_shape), np.exp(log_mean - log_shape), subjects)
    fitted = fit(_experience(rng.poisson(rates * years), years), prior)
    nodes = fitted.groups["all"]
    first = fitted.posterior("s0")
    rate = float(first.weights @ special.gammainc(first.shapes, first.rates * rates[0]))
    return {
        "mean": below(nodes.x, nodes.weights, log_mean),
        "spread": below(nodes.y, nodes.weights, log_shape),
        "rate": rate,
    }


def below(values: FloatArray, weights: FloatArray, truth: float) -> float:
    """P(value < truth) of a law on a regular grid, each point's probability spread evenly over its step."""
    points = np.unique(np.round(values, 12))
    step = float(np.min(np.diff(points)))
    return float(weights @ np.clip((truth - values) / step + 0.5, 0.0, 1.0))


def calibrate(runs: int, subjects: int, years: float = 5.0, first_seed: int = 0) -> dict[str, float]:
    """The p-values of Kolmogorov and Smirnov's test that each of `SHARES` is uniform over `runs` histories."""
    found = pd.DataFrame([shares_below(first_seed + run, subjects, years) for run in range(runs)])
    return {name: float(stats.kstest(found[name], "uniform").pvalue) for name in SHARES}


def _experience(halts: NDArray[np.int64], years: float) -> Experience:
    frame = pd.DataFrame(
        {"kind": "l1", "in_universe": True, "exposure_years": years, "halts": halts, "last_halt": np.nan},
        index=pd.Index([f"s{i}" for i in range(halts.size)], name="subject_id"),
    )
    return Experience(frame, pd.DataFrame(), 0.0, 0.0)
