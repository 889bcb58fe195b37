"""A posterior of hundreds of nodes as two dozen known rates: the counts of any term at a thousandth of the work.

The mixture's density is summed on a fine grid of log rates (the trapezoid rule, which converges exponentially for what
falls off at both ends), and that sum is compressed to the Gauss rule with the same first moments, by the recurrence of
its orthogonal polynomials (Stieltjes; Gautschi, Orthogonal Polynomials: Computation and Approximation, 2.2). The
probability of a count is an entire function of the rate, for which Gauss rules converge faster than any power.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pricing_models import kernels
from pricing_models.frequency import RatePosterior

FloatArray = NDArray[np.float64]

NODES = 24
_EDGES = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
READINGS = np.diff(np.concatenate([_EDGES, 1.0 - _EDGES[-2::-1]]))
"""Probabilities of the parts into which a rate's law is cut: narrow ones where the central 90% ends."""
_LEVELS = np.cumsum(READINGS) - READINGS / 2.0
_GRID = 400
_LOWEST = 1e-10  # of the mean: below that a rate is none
_NEGLIGIBLE = 1e-14
_TAIL = 1e-12
_MOST_HALTS = 40.0  # that the Gauss rule is asked for: beyond, its nodes are too few


@dataclass(frozen=True)
class KnownRates:
    """Rates a year with weights that add up to one; `typical`, `low` and `high` are the posterior's median and the
    ends of its central 90%, `mean` its mean, `spread` its middle in each of the parts that have the
    probabilities `READINGS`, lowest first; `credibility` is the
    weight of the subject's own history; `judged` whether somebody put the rate there."""

    rates: FloatArray
    weights: FloatArray
    typical: float
    low: float
    high: float
    mean: float
    spread: FloatArray
    credibility: float
    source: str
    judged: bool = False


@dataclass(frozen=True)
class Tabulated:
    """A posterior, its cdf on a fine grid of log rates, and few rates with weights that stand for it: `NODES`, or
    hundreds where terms of up to some years can hold too many halts for so few."""

    posterior: RatePosterior
    log_rate: FloatArray
    cdf: FloatArray
    rates: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, posterior: RatePosterior, years: float) -> "Tabulated":
        """For terms of up to `years`; the mean is kept to rounding."""
        shapes, rates, weights = posterior.shapes, posterior.rates, posterior.weights
        mean = posterior.mean
        high = float(np.max(special.gammainccinv(shapes, _NEGLIGIBLE) / rates))
        log_rate = np.linspace(np.log(_LOWEST * mean), np.log(high), _GRID)
        log_density = shapes[:, None] * (log_rate + np.log(rates)[:, None]) - special.gammaln(shapes)[:, None]
        density = weights @ np.exp(log_density - rates[:, None] * np.exp(log_rate))
        mass = density * (log_rate[1] - log_rate[0])
        mass[0] = max(0.0, 1.0 - float(mass[1:].sum()))  # and all below
        points, masses = np.exp(log_rate), mass / mass.sum()
        few = gauss(points, masses, NODES) if high * years <= _MOST_HALTS else (points, masses)
        return cls(
            posterior, log_rate, np.cumsum(masses) - masses / 2.0, few[0] * (mean / float(few[1] @ few[0])), few[1]
        )


def collapse(posterior: RatePosterior, years: float) -> KnownRates:
    """The posterior as few known rates, for terms of up to `years`."""
    return _known(posterior, [Tabulated.of(posterior, years)], [1.0])


def collapse_readings(fitted: RatePosterior, readings: Sequence[Tabulated], factors: Sequence[float]) -> KnownRates:
    """Equally likely readings of a rate, each times its factor, as known rates: what each was tabulated for serves
    every factor. `fitted` says what they rest on."""
    laws = [each.posterior.scaled(factor) for each, factor in zip(readings, factors, strict=True)]
    shapes, rates = (np.concatenate([getattr(law, name) for law in laws]) for name in ("shapes", "rates"))
    weights = np.concatenate([law.weights for law in laws]) / len(laws)
    return _known(replace(fitted, shapes=shapes, rates=rates, weights=weights), readings, factors)


def _known(posterior: RatePosterior, parts: Sequence[Tabulated], factors: Sequence[float]) -> KnownRates:
    shifted = [each.log_rate + np.log(factor) for each, factor in zip(parts, factors, strict=True)]
    log_rate = np.linspace(min(grid[0] for grid in shifted), max(grid[-1] for grid in shifted), _GRID)
    cdfs = [np.interp(log_rate, grid, each.cdf) for grid, each in zip(shifted, parts, strict=True)]
    cdf: FloatArray = np.mean(cdfs, axis=0)
    low, typical, top = _quantiles(posterior, log_rate, cdf, np.array([0.05, 0.5, 0.95]))
    spread = np.exp(np.interp(_LEVELS, cdf, log_rate))  # as good as the grid is fine
    rates = np.concatenate([each.rates * factor for each, factor in zip(parts, factors, strict=True)])
    weights = np.concatenate([each.weights for each in parts]) / len(parts)
    if len(parts) > 1 and all(each.rates.size <= NODES for each in parts):
        rates, weights = gauss(rates, weights, NODES)  # of as few as others, so that they are priced together
    known = (typical, low, top, posterior.mean, spread, posterior.credibility, posterior.source, posterior.judged)
    return KnownRates(rates, weights, *known)


def _quantiles(posterior: RatePosterior, log_rate: FloatArray, cdf: FloatArray, levels: FloatArray) -> list[float]:
    """Quantiles of the rate, of laws as fits have them to a millionth, of any to a hundredth: read off the grid, then
    mended by one step on the exact law with its density and the slope of that, which cubes the error (Chebyshev's)."""
    at = np.interp(levels, cdf, log_rate)
    shapes, rates, weights = posterior.shapes[:, None], posterior.rates[:, None], posterior.weights
    x = rates * np.exp(at)
    parts = np.exp(special.xlogy(shapes, x) - x - special.gammaln(shapes))
    density, slope = np.maximum(weights @ parts, 1e-12), weights @ (parts * (shapes - x))
    move = (levels - weights @ special.gammainc(shapes, x)) / density
    at = at + np.clip(move - 0.5 * slope / density * move**2, -1.0, 1.0)
    return [float(value) for value in np.exp(at)]


def gauss(points: FloatArray, weights: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """The Gauss rule of at most `size` nodes of a discrete measure: every polynomial of a degree below twice that has
    the same mean under both."""
    scale = float(points.max())
    alpha, beta = kernels.lanczos(points / scale, weights, size)
    jacobi = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
    values, vectors = np.linalg.eigh(jacobi)
    masses = vectors[0] ** 2 * float(weights.sum())
    return np.maximum(values, 0.0) * scale, masses


def poisson(means: FloatArray) -> FloatArray:
    """`counts` where each row's rate is known."""
    return counts(means[:, None], np.ones((means.size, 1)))


def counts(means: FloatArray, weights: FloatArray) -> FloatArray:
    """P(N = 0), P(N = 1), ... of each row's mixture of Poisson laws; the last column holds what lies beyond.

    `means` and `weights` have a row per policy and a column per known rate.
    """
    found: FloatArray = np.maximum(kernels.poisson_mixtures(means, weights, _TAIL), 0.0)
    found[:, -1] += np.maximum(0.0, 1.0 - found.sum(axis=1))
    return found
