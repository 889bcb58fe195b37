"""Simulation-based calibration: does the fit find what it was made from?

Parameters are drawn from the prior, halts from the parameters; then the share of posterior probability below the truth
is uniform, exactly, if prior, likelihood and computation agree (Talts and others, arXiv 1804.06788). The coefficients
of age have a normal law in the place of their posterior (Laplace), so theirs is uniform but for that.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from pricing_models.bodies import BODIES
from pricing_models.covariates import age_bands, spread_of
from pricing_models.duration import bounds
from pricing_models.experience import Experience, Status
from pricing_models.frequency import ALL, FrequencyPrior, fit
from pricing_models.scoring import HOUR, DurationPrior, Seen, body_nodes

FloatArray = NDArray[np.float64]

SHARES = ("mean", "spread", "rate")
OF_LENGTHS = ("mu", "sigma")
OF_AGE = ("young", "middle", "old")
BODY = "lognormal"
_FLOOR = HOUR / 2
_CELL = 1.6  # ratio of the bounds between which a rounded length is known
_FINE = 1.02
_YEARS = 12  # of age


def shares_below(seed: int, subjects: int, years: float = 5.0, prior: FrequencyPrior | None = None) -> dict[str, float]:
    """Posterior probability below the true group mean, spread (shape) and first subject's rate in one simulated
    history, by the names of `SHARES`."""
    prior = prior or FrequencyPrior()
    rng = np.random.default_rng(seed)
    log_mean, log_shape, rates = _rates(rng, subjects, prior)
    fitted = fit(_experience(rng.poisson(rates * years), years), prior)
    nodes = fitted.groups["all"]
    first = fitted.posterior("s0")
    rate = float(first.weights @ special.gammainc(first.shapes, first.rates * rates[0]))
    return {
        "mean": below(nodes.x, nodes.weights, log_mean),
        "spread": below(nodes.y, nodes.weights, log_shape),
        "rate": rate,
    }


def lengths_below(seed: int, halts: int, prior: DurationPrior | None = None) -> dict[str, float]:
    """The same of mu and log sigma of lognormal lengths, by the names of `OF_LENGTHS`.

    Half of the halts are known well and half between wide bounds; but at a third somebody looked last while they ran,
    if they ran so long, and of a tenth nothing is known. Nobody saw those shorter than half an hour (the floor).
    """
    prior = prior or DurationPrior()
    rng = np.random.default_rng(seed)
    mu = np.log(4 * HOUR) + prior.mu_sd * rng.normal()
    log_sigma = prior.log_sigma_mean + prior.log_sigma_sd * rng.normal()
    lengths = np.exp(mu + np.exp(log_sigma) * rng.normal(size=halts))
    known = bounds(_durations(rng, lengths[lengths > _FLOOR]), "drop")
    nodes = body_nodes(BODIES[BODY], Seen.of(known), prior, prior.points)
    return {
        "mu": below(nodes.mu, nodes.weights, mu),
        "sigma": below(np.log(nodes.sigma), nodes.weights, log_sigma),
    }


def age_below(seed: int, subjects: int, years: int = 5, prior: FrequencyPrior | None = None) -> dict[str, float]:
    """The same of the coefficients of the age bands, by the names of `OF_AGE`; the subjects are up to `_YEARS` old."""
    prior = prior or FrequencyPrior()
    rng = np.random.default_rng(seed)
    beta = rng.normal(size=len(OF_AGE))
    _, _, rates = _rates(rng, subjects, prior)
    ages = rng.uniform(0.0, _YEARS - years, subjects)[:, None] + np.arange(4 * years) / 4.0
    cells = pd.DataFrame({"subject_id": np.repeat(np.arange(subjects), 4 * years), "group": ALL, "years": 0.25})
    cells = cells.assign(age=ages.ravel())
    expected = np.repeat(rates, 4 * years) * np.exp(age_bands(cells) @ beta) / 4.0
    mode, covariance = spread_of(cells.assign(halts=rng.poisson(expected)), age_bands, prior)
    shares = special.ndtr((beta - mode) / np.sqrt(np.diag(covariance)))
    return {name: float(share) for name, share in zip(OF_AGE, shares, strict=True)}


def below(values: FloatArray, weights: FloatArray, truth: float) -> float:
    """P(value < truth) of a law on a regular grid, each point's probability spread evenly over its step."""
    points = np.unique(np.round(values, 12))
    step = float(np.min(np.diff(points)))
    return float(weights @ np.clip((truth - values) / step + 0.5, 0.0, 1.0))


KINDS: Mapping[str, Callable[[int, int], dict[str, float]]] = {
    "rates": shares_below,
    "lengths": lengths_below,
    "age": age_below,
}
"""What is calibrated: the shares below the truth, by a seed and the number of subjects or halts."""


def calibrate(runs: int, size: int, first_seed: int = 0, kind: str = "rates") -> dict[str, float]:
    """The p-values of Kolmogorov and Smirnov's test that each share of a kind is uniform over `runs` histories of so
    many subjects, of lengths so many halts."""
    found = pd.DataFrame([KINDS[kind](first_seed + run, size) for run in range(runs)])
    return {str(name): float(stats.kstest(found[name], "uniform").pvalue) for name in found}


def _rates(rng: np.random.Generator, subjects: int, prior: FrequencyPrior) -> tuple[float, float, FloatArray]:
    """Log mean and log shape of a group from the prior, and its subjects' rates."""
    log_mean = np.log(prior.mean_rate) + prior.mean_log_sd * rng.normal()
    log_shape = np.log(prior.shape) + prior.shape_log_sd * rng.normal()
    return log_mean, log_shape, rng.gamma(np.exp(log_shape), np.exp(log_mean - log_shape), subjects)


def _durations(rng: np.random.Generator, lengths: FloatArray) -> pd.DataFrame:
    """What is told of lengths: cells of a grid on which they fall (its place says nothing of them), or less."""
    count = lengths.size
    ratio = np.log(np.where(rng.uniform(size=count) < 0.5, _FINE, _CELL))
    low = np.exp(np.floor(np.log(lengths) / ratio) * ratio)
    high = low * np.exp(ratio)
    status = np.full(count, Status.INTERVAL.value, dtype=object)
    looked = np.exp(rng.normal(np.log(8 * HOUR), 1.5, size=count))
    running = (rng.uniform(size=count) < 1 / 3) & (lengths > looked)
    low, high = np.where(running, looked, low), np.where(running, np.inf, high)
    status[running] = Status.RIGHT.value
    unknown = rng.uniform(size=count) < 0.1
    low, high = np.where(unknown, 0.0, low), np.where(unknown, np.inf, high)
    status[unknown] = Status.MISSING.value
    columns = {"subject_id": "s0", "kind": "l1", "event_id": [f"e{i}" for i in range(count)], "start": 0.0}
    return pd.DataFrame(columns | {"low": low, "high": high, "floor": _FLOOR, "status": status})


def _experience(halts: NDArray[np.int64], years: float) -> Experience:
    frame = pd.DataFrame(
        {"kind": "l1", "in_universe": True, "exposure_years": years, "halts": halts, "last_halt": np.nan},
        index=pd.Index([f"s{i}" for i in range(halts.size)], name="subject_id"),
    )
    return Experience(frame, pd.DataFrame(), 0.0, 0.0)
