"""Simulation-based calibration: do the fits find what they were made from?

Parameters are drawn from the prior, data from the parameters; then the share of posterior probability below the truth
is uniform, exactly, if prior, likelihood and computation agree (Talts and others, arXiv 1804.06788). The coefficients
of age have a normal law in the place of their posterior (Laplace), so theirs is uniform but for that. Lengths are
recorded as real ones are: to the minute, within an hour, as still running when last seen, or not at all, and those
below a floor not even counted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from pricing_models import tails
from pricing_models.covariates import age_bands, spread_of
from pricing_models.duration import bounds
from pricing_models.experience import Experience, Status
from pricing_models.frequency import ALL, FrequencyPrior, fit
from pricing_models.lengths import DurationPosterior, SplicedPosterior
from pricing_models.scoring import DAY, HOUR, LOG_SHAPES, DurationPrior, posterior, split

FloatArray = NDArray[np.float64]

MINUTE = 60.0
OF_AGE = ("young", "middle", "old")
FLOOR = HOUR / 2
"""Seconds: nobody sees a shorter halt."""
FAR = 3 * DAY
"""The length whose probability to be passed is calibrated besides: what most aggregate limits hang on."""
_MONTH, _CELL = 30 * DAY, 1.01
_YEARS = 12  # of age
_FAR_BEYOND, _BISECTIONS = 1000.0, 70  # of z
_LONGEST_LOG = 500.0


def rates_below(seed: int, subjects: int, years: float = 5.0, prior: FrequencyPrior | None = None) -> dict[str, float]:
    """Posterior probability below the true group mean, spread (shape) and first subject's rate in one simulated
    history."""
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


def age_below(seed: int, subjects: int, years: int = 5, prior: FrequencyPrior | None = None) -> dict[str, float]:
    """The same of the coefficients of the age bands, by `OF_AGE`, for subjects up to `_YEARS` old."""
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


def lengths_below(seed: int, halts: int, name: str, prior: DurationPrior | None = None) -> dict[str, float]:
    """Posterior probability below the true chance to last longer than `FAR`, and below mu and log sigma where the law
    has no other parameter, for lengths of the law `name` (`scoring.CANDIDATES`)."""
    prior = prior or DurationPrior()
    rng = np.random.default_rng(seed)
    truth = _drawn_law(rng, name, prior)
    found = posterior(name, bounds(_recorded(rng, seen_lengths(rng, truth, halts)), prior.missing), prior, ALL, 0.0)
    values, weights = _log_chances(found)
    sure = float(_log_chances(truth)[0][0])
    shares = {"far": float(weights @ np.where(values == sure, 0.5, values < sure))}
    if found.body.parameters == 2 and not isinstance(found, SplicedPosterior):
        shares["mu"] = below(found.mu, found.weights, float(truth.mu[0]))
        shares["sigma"] = below(np.log(found.sigma), found.weights, float(np.log(truth.sigma[0])))
    return shares


def below(values: FloatArray, weights: FloatArray, truth: float) -> float:
    """P(value < truth) of a law on a regular grid, each point's probability spread evenly over its step."""
    points = np.unique(np.round(values, 12))
    step = float(np.min(np.diff(points)))
    return float(weights @ np.clip((truth - values) / step + 0.5, 0.0, 1.0))


def uniformity(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The p-values of Kolmogorov and Smirnov's test that each share is uniform over the simulated histories."""
    return {name: float(stats.kstest([each[name] for each in shares], "uniform").pvalue) for name in shares[0]}


def study(law: str, runs: int, subjects: int = 40, halts: int = 200) -> dict[str, dict[str, Any]]:
    """The fits in `runs` simulated histories each: p-values of `uniformity`, and of what size the histories were."""
    rates = uniformity([rates_below(seed, subjects) for seed in range(runs)])
    age = uniformity([age_below(seed, subjects) for seed in range(runs)])
    lengths = uniformity([lengths_below(seed, halts, law) for seed in range(runs)])
    return {
        "rates": {"subjects": subjects, "runs": runs, "p_values": rates},
        "age": {"subjects": subjects, "runs": runs, "p_values": age},
        "lengths": {"law": law, "halts": halts, "runs": runs, "p_values": lengths},
    }


def _rates(rng: np.random.Generator, subjects: int, prior: FrequencyPrior) -> tuple[float, float, FloatArray]:
    """Log mean and log shape of a group from the prior, and its subjects' rates."""
    log_mean = np.log(prior.mean_rate) + prior.mean_log_sd * rng.normal()
    log_shape = np.log(prior.shape) + prior.shape_log_sd * rng.normal()
    return log_mean, log_shape, rng.gamma(np.exp(log_shape), np.exp(log_mean - log_shape), subjects)


def _drawn_law(rng: np.random.Generator, name: str, prior: DurationPrior) -> DurationPosterior:
    """A law with known parameters, drawn from the prior as the fit has it."""
    body, threshold = split(name, prior)
    mu = np.log(4 * HOUR) + prior.mu_sd * rng.normal(size=1)
    sigma = np.exp(prior.log_sigma_mean + prior.log_sigma_sd * rng.normal(size=1))
    odds = np.exp(-0.5 * LOG_SHAPES**2)
    shape = np.exp(rng.choice(LOG_SHAPES, 1, p=odds / odds.sum())) if body.parameters > 2 else np.ones(1)
    known = (body, mu, sigma, np.ones(1), "the truth", 0.0, shape)
    if not np.isfinite(threshold):
        return DurationPosterior(*known)
    xi, log_beta = (mean + sd * rng.normal(size=1) for mean, sd in (tails.XI_PRIOR, tails.LOG_BETA_PRIOR))
    return SplicedPosterior(*known, threshold, tails.Tail(xi, np.exp(log_beta), np.ones(1)))


def seen_lengths(rng: np.random.Generator, law: DurationPosterior, size: int) -> FloatArray:
    """So many lengths in seconds beyond `FLOOR`, of a law with one set of parameters and no stops for good.

    As many are seen as are asked for, whatever the law: to leave out the short ones of a given number would tell by how
    few are left what no fit is told.
    """
    least = (np.log(FLOOR) - law.mu) / law.sigma
    wanted = law.body.log_sf(least, law.shape) + np.log(
        rng.uniform(size=size)
    )  # by logs, as all may lie beyond 1 - eps
    low, high = np.full(size, least[0]), np.full(size, least[0] + _FAR_BEYOND)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        short = law.body.log_sf(middle, law.shape) > wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    lengths: FloatArray = np.exp(np.minimum(law.mu + law.sigma * high, _LONGEST_LOG))
    if isinstance(law, SplicedPosterior):
        far = lengths > law.threshold
        lengths[far] = law.threshold + law.tail.sample(rng, int(far.sum()))
    return lengths


def _recorded(rng: np.random.Generator, lengths: FloatArray) -> pd.DataFrame:
    """The lengths as a history would have them; how a halt was recorded does not depend on how long it lasted."""
    rows = []
    for length, way in zip(lengths.tolist(), rng.uniform(size=lengths.size).tolist(), strict=True):
        watched = float(np.exp(rng.uniform(np.log(MINUTE), np.log(_MONTH))))
        minutes = round(length / MINUTE) * MINUTE if length < _MONTH else 0.0
        if way < 0.15:
            rows.append((Status.MISSING, 0.0, np.inf))
        elif way < 0.3 and length > watched:
            rows.append((Status.RIGHT, watched, np.inf))
        elif length >= _MONTH:  # nobody tells the minutes of a month
            cell = np.floor(np.log(length) / np.log(_CELL))
            rows.append((Status.INTERVAL, _CELL**cell, _CELL ** (cell + 1.0)))
        elif way < 0.6 or minutes == 0.0:
            width = HOUR if way < 0.6 else MINUTE / 2.0
            rows.append((Status.INTERVAL, length // width * width, (length // width + 1.0) * width))
        else:
            rows.append((Status.EXACT, minutes, minutes))
    frame = pd.DataFrame(rows, columns=["status", "low", "high"])
    names = [f"h{i}" for i in range(len(rows))]
    return frame.assign(subject_id="s0", kind="l1", event_id=names, floor=FLOOR)


def _log_chances(law: DurationPosterior) -> tuple[FloatArray, FloatArray]:
    """log P(D > FAR) under each set of parameters, and the sets' weights: two chances that both are nothing in floating
    point still have an order."""
    at = FAR if not isinstance(law, SplicedPosterior) else law.threshold
    passed, weights = law.body.log_sf((np.log(at) - law.mu) / law.sigma, law.shape), law.weights
    if isinstance(law, SplicedPosterior):
        further = -tails.hazard(law.tail.xi, law.tail.beta, np.full(law.tail.xi.size, FAR - law.threshold))
        passed, weights = np.add.outer(passed, further).ravel(), np.outer(weights, law.tail.weights).ravel()
    return passed, weights


def _experience(halts: NDArray[np.int64], years: float) -> Experience:
    frame = pd.DataFrame(
        {"kind": "l1", "in_universe": True, "exposure_years": years, "halts": halts, "last_halt": np.nan},
        index=pd.Index([f"s{i}" for i in range(halts.size)], name="subject_id"),
    )
    return Experience(frame, pd.DataFrame(), 0.0, 0.0)
