"""Distribution of what one policy pays over its term: halts in the term x payout of each, under the limits.

What is discretised is the *payout* of one halt, which its incidents' limits bound, so nothing is cut off. Mass is
spread between grid points so that the mean is kept exactly (local moment matching, Loss Models 9.6.5); the count's
probability generating function is applied in Fourier space, without aliasing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, optimize

from pricing_models.errors import InvalidTerms, ModelError
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, Curve, Terms, limited_payout, most_owed, owed

FloatArray = NDArray[np.float64]

MEAN_TOLERANCE = 1e-5
_LEAST_STEPS = 16  # of the most an incident is owed
_FIRST_STEPS = 512
_MOST_STEPS = 8192
_CHEAP_WORK = 2**20  # points x counts
_MOST_WORK = 2**29
_SMALL_MEAN = 1e-6  # of the aggregate limit: below it the tolerance is relative to this
_TILT = 23.0  # -log(1e-10)


@dataclass(frozen=True)
class LossDistribution:
    """What one policy pays over its term, in asset units: `pmf[i]` is the probability of `amounts[i]`.

    `mean_error` bounds the relative numerical error of the mean. A quantile is good to one step of the grid.
    """

    amounts: FloatArray
    pmf: FloatArray
    probability_of_any: float
    mean_error: float

    @property
    def mean(self) -> float:
        """Expected payout."""
        return float(self.amounts @ self.pmf)

    @property
    def sd(self) -> float:
        """Standard deviation of the payout."""
        return float(np.sqrt(max(0.0, float(self.pmf @ (self.amounts - self.mean) ** 2))))

    @property
    def probability_of_exhaustion(self) -> float:
        """P(the aggregate limit is paid in whole)."""
        return float(self.pmf[-1])

    def quantile(self, p: float) -> float:
        """The payout not exceeded with probability `p`: the first grid point whose cdf reaches it."""
        _require_probability(p)
        index = int(np.searchsorted(np.cumsum(self.pmf), p - 1e-12))
        return float(self.amounts[min(index, self.amounts.size - 1)])

    def tvar(self, p: float) -> float:
        """Mean of the worst 1 - p of outcomes (average of the quantiles above `p`)."""
        value = self.quantile(p)
        above = self.amounts > value
        tail = float(self.pmf[above].sum())
        excess = float(self.pmf[above] @ self.amounts[above])
        return (excess + value * max(0.0, 1.0 - p - tail)) / max(1.0 - p, tail)


def _require_probability(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise ValueError(f"p is {p}: must be between 0 and 1")


def discretise(limited_means: FloatArray, step: float) -> FloatArray:
    """Probabilities on 0, step, 2 step, ... of a loss with E[min(Y, i step)] = `limited_means[i]`.

    The last point takes what lies beyond it, as E[min(Y, last)] does; the mean is kept exactly.
    """
    slope = np.diff(limited_means) / step  # mean survival over each cell
    if slope.size:
        # survival falls but for rounding, which far out outweighs the fall: cutting that off would add to the mean
        slope = np.clip(optimize.isotonic_regression(slope, increasing=False).x, 0.0, 1.0)
    pmf: FloatArray = np.append(1.0, slope) - np.append(slope, 0.0)
    return pmf


def add_up(count_pmf: FloatArray, severity_pmf: FloatArray, cells: int | None = None) -> FloatArray:
    """Probabilities of the sum of N severities on the first `cells` points of the severity's grid (default: all).

    Horner's rule on the transform. Where many halts make the sum's grid long, one of twice `cells` is used and both are
    tilted by exp(-t i), which damps what wraps around by 1e-10 (Grübel and Hermesmeier 1999).
    """
    reach = (count_pmf.size - 1) * (severity_pmf.size - 1) + 1
    kept = reach if cells is None else min(cells, reach)
    longest = reach if reach * count_pmf.size <= _CHEAP_WORK else 2 * kept
    size = fft.next_fast_len(min(reach, longest), real=True)
    if size * count_pmf.size > _MOST_WORK:
        raise InvalidTerms(f"up to {count_pmf.size - 1} halts on {kept} points: shorten the term or lower the limits")
    tilt = 0.0 if size >= reach else _TILT / size
    width = min(severity_pmf.size, size)
    z = fft.rfft(severity_pmf[:width] * np.exp(-tilt * np.arange(width)), size)
    total = np.full_like(z, count_pmf[-1])
    for probability in count_pmf[-2::-1]:
        total *= z
        total += probability
    result: FloatArray = fft.irfft(total, size)[:kept] * np.exp(tilt * np.arange(kept))
    return np.maximum(result, 0.0)


def loss_distribution(
    count_pmf: FloatArray,
    terms: Terms,
    sf: Curve,
    lev: Curve,
    failover_probability: float = 1.0,
    tolerance: float = MEAN_TOLERANCE,
) -> LossDistribution:
    """Distribution of the payout over a term with count probabilities `count_pmf`.

    The grid is refined until halving its step moves the mean by less than `tolerance`, relative to the mean or to a
    millionth of the aggregate limit. The error falls with the square of the step, so the move is three times what is
    left. Where the aggregate limit can't bind the mean is exact on any grid. `mean_error` is that move and the distance
    of one halt's mean payout to its closed form. Raises `ModelError` when the finest grid misses the tolerance,
    `InvalidTerms` when there are too many halts for it.
    """
    most = (count_pmf.size - 1) * most_owed(terms)
    steps, coarse = _first_steps(count_pmf.size, terms), None
    while True:
        loss = _on_grid(count_pmf, terms, sf, lev, failover_probability, steps)
        if most <= terms.aggregate_limit or loss.mean == 0.0:
            return loss
        if coarse is not None:
            move = abs(loss.mean - coarse.mean) / max(loss.mean, _SMALL_MEAN * terms.aggregate_limit)
            if move <= tolerance:
                return LossDistribution(loss.amounts, loss.pmf, loss.probability_of_any, move + loss.mean_error)
        if steps == _MOST_STEPS:
            raise ModelError(f"the mean is not within {tolerance} on a grid of {steps} steps an incident")
        steps, coarse = steps * 2, loss


def _first_steps(counts: int, terms: Terms) -> int:
    """Steps an incident to begin with: fewer where many halts of many incidents leave no room to refine them."""
    steps, reach = _FIRST_STEPS, min(terms.aggregate_limit, (counts - 1) * most_owed(terms))
    while steps > _LEAST_STEPS and 2 * _cells(reach, _unit(terms) / steps) * counts > _MOST_WORK // 4:
        steps //= 2
    return steps


def _unit(terms: Terms) -> int:
    """The most that an incident is owed, or 1 when nothing is ever owed."""
    return max(1, owed(terms, LONGEST_INCIDENT_SECONDS, True, 0))


def _on_grid(
    count_pmf: FloatArray, terms: Terms, sf: Curve, lev: Curve, failover_probability: float, steps: int
) -> LossDistribution:
    """The distribution with the most that an incident pays cut into `steps`."""
    step = _unit(terms) / steps
    grid = np.float64(step) * np.arange(_cells(most_owed(terms), step) + 1, dtype=np.float64)
    limited = limited_payout(terms, grid, sf, lev, failover_probability)
    severity = discretise(limited, step)
    error = abs(float(severity @ grid) / float(limited[-1]) - 1.0) if limited[-1] > 0 else 0.0
    last = float(terms.aggregate_limit)
    below = add_up(count_pmf, severity, _cells(terms.aggregate_limit, step))
    pays = float(sf(np.array([float(terms.waiting_seconds)]))[0]) if most_owed(terms) else 0.0
    any_paid = 1.0 - _pgf(count_pmf, 1.0 - pays)
    values: FloatArray = np.append(step * np.arange(below.size), last)
    pmf: FloatArray = np.append(below, max(0.0, 1.0 - float(below.sum())))
    return LossDistribution(values, pmf / float(pmf.sum()), any_paid, error)


def _cells(amount: int, step: float) -> int:
    """How many points of the grid lie below `amount`."""
    return int(np.ceil(amount / step * (1.0 - 1e-12)))


def _pgf(count_pmf: FloatArray, z: float) -> float:
    """E[z^N]."""
    return float(np.polynomial.polynomial.polyval(z, count_pmf))
