"""Distribution of what one policy pays over its term: halts in the term x payout of each, under the limits.

What is discretised is the *payout* of one halt, which its incidents' limits bound, so nothing is cut off
(`payout_grid`); the count's probability generating function is applied in Fourier space, tilted against aliasing
(`fourier`). Many policies on one law of lengths are worked out together, a row of each array for each. What is called
the length of a halt is its covered seconds where a trigger stands between; incidents that no halt caused come besides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricing_models import kernels
from pricing_models.collapse import poisson
from pricing_models.errors import InvalidTerms, ModelError
from pricing_models.fourier import Transform, mixed
from pricing_models.payoff import Curve, Terms, TermsTable, limited_payouts
from pricing_models.payout_grid import MOST_WORK, IntArray, PayoutGrid, Task, grid_of, require_work

FloatArray = NDArray[np.float64]

MEAN_TOLERANCE = 1e-5
_LEAST_STEPS = 16  # of the most an incident is owed
_FIRST_STEPS = 256  # for a distribution, whose quantiles are as good as they are fine
_FIRST_STEPS_OF_MEANS = 64
_MOST_STEPS = 8192
_MOST_ROUNDING = 1e-3  # of a mean that is next to nothing beside the aggregate limit
_SMALL_MEAN = 1e-6  # of the aggregate limit: below it the tolerance is relative to this


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


@dataclass(frozen=True)
class FalseIncidents:
    """Incidents that no halt caused, Poisson with `means` over each policy's term, their length with this `sf` and
    `lev`; nobody fails over for one."""

    means: FloatArray
    sf: Curve
    lev: Curve

    @cached_property
    def counts(self) -> FloatArray:
        """The probabilities of so many of them, a row per policy; more next to never come."""
        return poisson(self.means)

    def take(self, rows: NDArray[np.intp]) -> "FalseIncidents":
        """Those of some of the policies."""
        return FalseIncidents(self.means[rows], self.sf, self.lev)


def _require_probability(p: float) -> None:
    if not 0.0 < p < 1.0:
        raise ValueError(f"p is {p}: must be between 0 and 1")


def add_up(count_pmf: FloatArray, severity_pmf: FloatArray, cells: int | None = None) -> FloatArray:
    """Probabilities of the sum of N severities on the first `cells` points of the severity's grid (default: all)."""
    reach = (count_pmf.size - 1) * (severity_pmf.size - 1) + 1
    kept = reach if cells is None else min(cells, reach)
    require_work(count_pmf.size, kept)
    transform = Transform.of(severity_pmf[None, :], kept, reach)
    below, _, _ = transform.back(mixed(transform.values, count_pmf[None, :]), np.array([kept]))
    found: FloatArray = below[0]
    return found


def loss_distribution(
    count_pmf: FloatArray,
    terms: Terms,
    sf: Curve,
    lev: Curve,
    failover_probability: float = 1.0,
    tolerance: float = MEAN_TOLERANCE,
) -> LossDistribution:
    """Distribution of the payout over a term with count probabilities `count_pmf`; see `loss_distributions`."""
    if not 0.0 <= failover_probability <= 1.0:
        raise InvalidTerms(f"failover_probability is {failover_probability}: must be from 0 to 1")
    chances = np.array([failover_probability])
    return loss_distributions(count_pmf[None, :], TermsTable.of([terms]), sf, lev, chances, tolerance)[0][0]


def loss_distributions(
    counts: FloatArray,
    table: TermsTable,
    sf: Curve,
    lev: Curve,
    chances: FloatArray,
    tolerance: float = MEAN_TOLERANCE,
    others: Sequence[FloatArray] = (),
    false: FalseIncidents | None = None,
) -> tuple[list[LossDistribution], FloatArray]:
    """Distribution of each policy's payout over its term, with count probabilities `counts` (a row each), and its mean
    under `others` (a column for each), these without the `false` incidents.

    The grid is refined until halving its step moves the mean by less than `tolerance`, relative to the mean or to a
    millionth of the aggregate limit. The error falls with the square of the step, so the move is three times what is
    left. `mean_error` is that move and the distance of one halt's mean payout to its closed form. Raises `ModelError`
    when the finest grid misses the tolerance, `InvalidTerms` when there are too many halts for it.
    """
    pays = np.where(table.most > 0.0, sf(table.waiting), 0.0)
    nothing = _pgf(counts, 1.0 - pays)
    if false is not None:
        nothing *= np.exp(-false.means * np.where(table.most > 0.0, false.sf(table.waiting), 0.0))
    any_paid = 1.0 - nothing
    found: dict[int, LossDistribution] = {}
    means = np.zeros((len(counts), len(others)))
    for each in _refined(counts, table, sf, lev, chances, tolerance, others, false):
        for column, other in enumerate(others):
            means[each.rows, column] = each.means(other[each.solved])
        for place, row in zip(each.places, each.rows, strict=True):
            found[int(row)] = each.law(int(place), float(any_paid[row]))
    return [found[row] for row in range(len(counts))], means


def mean_payouts(
    counts: FloatArray,
    table: TermsTable,
    sf: Curve,
    lev: Curve,
    chances: FloatArray,
    tolerance: float = MEAN_TOLERANCE,
    false: FalseIncidents | None = None,
) -> FloatArray:
    """The means alone of `loss_distributions`, `false` incidents included."""
    means = np.zeros(len(counts))
    for each in _refined(counts, table, sf, lev, chances, tolerance, (), false, _FIRST_STEPS_OF_MEANS):
        means[each.rows] = each.paid[each.places]
    return means


@dataclass(frozen=True)
class _Level:
    """Policies (`rows` of the batch, `places` of the grid) whose means stand on this grid of all those `solved`, which
    are `paid` so much on average."""

    rows: NDArray[np.intp]
    solved: NDArray[np.intp]
    places: NDArray[np.intp]
    grid: PayoutGrid
    below: FloatArray
    paid: FloatArray
    error: FloatArray

    def means(self, counts: FloatArray) -> FloatArray:
        """The means of `rows` with other counts, which have a row for each of `solved`, and without false incidents."""
        return self.grid.summed(counts)[1][self.places]

    def law(self, place: int, any_paid: float) -> LossDistribution:
        grid = self.grid
        cells = int(grid.cells[place])
        pmf = np.empty(cells + 1)
        pmf[:cells] = self.below[place, :cells]
        sum_below = float(pmf[:cells].sum())
        pmf[cells] = max(0.0, 1.0 - sum_below)
        pmf /= sum_below + pmf[cells]
        amounts = grid.step[place] * np.arange(cells + 1)
        amounts[cells] = grid.aggregate[place]
        return LossDistribution(amounts, pmf, any_paid, float(self.error[place] + grid.error[place]))


def _refined(
    counts: FloatArray,
    table: TermsTable,
    sf: Curve,
    lev: Curve,
    chances: FloatArray,
    tolerance: float,
    others: Sequence[FloatArray] = (),
    false: FalseIncidents | None = None,
    first: int = _FIRST_STEPS,
) -> Iterator[_Level]:
    """The policies on ever finer grids, from `first` steps an incident on, until the means of all of them stand; raises
    as `loss_distributions`."""
    halts = max(each.shape[1] for each in (counts, *others)) - 1 + (0 if false is None else false.counts.shape[1] - 1)
    steps = _first_steps(halts, table, first)
    rows, coarse, before = np.arange(len(counts)), np.zeros(0), np.full(len(counts), np.inf)
    while rows.size:
        all_of_them = rows.size == len(counts)
        own = table if all_of_them else table.take(rows)
        own_false = false if all_of_them or false is None else false.take(rows)
        step, width = grid_of(own, steps[rows])
        points = kernels.grid_points(step, width)
        limited = limited_payouts(own, points, sf, lev, chances[rows])
        alarms, limited_false = _alarms(own, points, own_false)
        task = Task(own.aggregate, limited, step, width, counts[rows], halts, alarms, limited_false)
        if not coarse.size:
            grid, below, means, coarse = task.solve_with_half()
        else:
            grid, below, means = task.solve()
        move = np.abs(means - coarse) / np.maximum(means, _SMALL_MEAN * own.aggregate)
        # where finer steps bring the mean no nearer, what is left is rounding, which grows with the points
        done = (move <= tolerance) | ((move >= before) & (move <= _MOST_ROUNDING))
        yield _Level(rows[done], rows, np.flatnonzero(done), grid, below, means, move)
        if done.all():
            return
        coarse, before, rows = means[~done], move[~done], rows[~done]
        if (steps[rows] >= _MOST_STEPS).any():
            raise ModelError(f"the mean is not within {tolerance} on a grid of {_MOST_STEPS} steps an incident")
        steps[rows] *= 2


def _alarms(
    table: TermsTable, points: FloatArray, false: FalseIncidents | None
) -> tuple[FloatArray | None, FloatArray | None]:
    """The probabilities of false incidents, and E[min(paid for one, cap)] at the points of the grids."""
    if false is None:
        return None, None
    return false.counts, limited_payouts(table, points, false.sf, false.lev, np.zeros_like(table.most))


def _first_steps(halts: int, table: TermsTable, first: int) -> IntArray:
    """Steps an incident to begin with: fewer where many halts of many incidents leave no room to refine them."""
    steps = np.full(table.most.size, first)
    incidents = np.minimum(table.aggregate, halts * table.most) / np.maximum(1.0, table.first)
    room = MOST_WORK / 8 / (halts + 1)
    while (large := (steps > _LEAST_STEPS) & (steps * incidents > room)).any():
        steps[large] //= 2
    return steps


def _pgf(counts: FloatArray, z: FloatArray) -> FloatArray:
    """E[z^N] of each row."""
    powers = z[:, None] ** np.arange(counts.shape[1])
    result: FloatArray = (counts * powers).sum(axis=1)
    return result
