"""The payout of one halt on a grid, and sums of several of them below an aggregate limit.

Mass is spread between grid points so that the mean is kept exactly (local moment matching, Loss Models 9.6.5).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pricing_models.errors import InvalidTerms
from pricing_models.fourier import ComplexArray, Transform, mixed
from pricing_models.payoff import TermsTable

FloatArray = NDArray[np.float64]
Whole = NDArray[np.int64]

MOST_WORK = 2**29  # points x counts
_FEW = 8  # policies, for which calls cost more than work
_NOISE = 1e-13  # of rounding in a survival function that rises


def discretise(limited_means: FloatArray, step: float | FloatArray) -> FloatArray:
    """Probabilities on 0, step, 2 step, ... of losses with E[min(Y, i step)] = `limited_means[..., i]`.

    The last point takes what lies beyond it, as E[min(Y, last)] does; the mean is kept exactly.
    """
    slope = (limited_means[..., 1:] - limited_means[..., :-1]) / step  # mean survival over each cell
    rows = np.atleast_2d(slope)  # a view: what is mended in it is mended in `slope`
    # survival falls but for rounding, which far out outweighs the fall: cutting that off would add to the mean
    for row in np.flatnonzero((rows[:, 1:] - rows[:, :-1] > _NOISE).any(axis=1)):
        rows[row] = optimize.isotonic_regression(rows[row], increasing=False).x
    pmf: FloatArray = np.zeros(limited_means.shape)
    pmf[..., 0] = 1.0
    pmf[..., 1:] = np.minimum(np.maximum(slope, 0.0, out=slope), 1.0, out=slope)
    pmf[..., :-1] -= slope
    return pmf


def require_work(counts: int, cells: int) -> None:
    """Raises `InvalidTerms` for sums that take too long."""
    if 2 * cells * counts > MOST_WORK:
        raise InvalidTerms(f"up to {counts - 1} halts on {cells} points: shorten the term or lower the limits")


@dataclass(frozen=True)
class PayoutGrid:
    """The payout of one halt of several policies, each on the grid of its own `step`, and its transform.

    `cells` counts the points below the aggregate limit, or as far as so many halts reach if that is less; `error` is
    the distance of the payout's mean from its closed form.
    """

    step: FloatArray
    cells: Whole
    aggregate: FloatArray
    transform: Transform
    error: FloatArray

    def first(self, rows: int) -> "PayoutGrid":
        """The first `rows` of them."""
        transform = replace(self.transform, values=self.transform.values[:rows])
        return PayoutGrid(self.step[:rows], self.cells[:rows], self.aggregate[:rows], transform, self.error[:rows])

    def below(self, transformed: ComplexArray) -> FloatArray:
        """Probabilities of the points below the limits; a row ends where its own limit is."""
        found = self.transform.back(transformed)
        found[np.arange(found.shape[1]) >= self.cells[:, None]] = 0.0
        return found

    def means(self, below: FloatArray) -> FloatArray:
        """The mean of each row: what is not below the limit pays it."""
        points = np.arange(below.shape[1], dtype=float)
        result: FloatArray = self.step * (below @ points) + self.aggregate * np.maximum(0.0, 1.0 - below.sum(axis=1))
        return result


def payout_grid(aggregate: FloatArray, limited: FloatArray, step: FloatArray, width: Whole, halts: int) -> PayoutGrid:
    """The payouts for sums of up to `halts` of them; arguments as in `Payouts`. Raises `InvalidTerms` when the work is
    too much."""
    reach = halts * width + 1
    cells = np.minimum(np.ceil(aggregate / step * (1.0 - 1e-12)), reach).astype(np.int64)
    most = int(cells.max())
    require_work(halts + 1, most)
    severity = discretise(limited, step[:, None])
    whole = limited[:, -1]
    mean = step * (severity @ np.arange(severity.shape[1], dtype=float))
    error = np.abs(mean - whole) / np.maximum(whole, 1e-300)
    return PayoutGrid(step, cells, aggregate, Transform.of(severity, most, int(reach.max())), error)


def grid_of(table: TermsTable, steps: Whole) -> tuple[FloatArray, Whole]:
    """The step that cuts the most a first incident is owed into so many, and how many of it reach the most that a halt
    is owed: an even number, so that every other point is a grid too."""
    first = np.maximum(1.0, table.first)
    half = np.ceil(table.most / first * steps / 2.0 * (1.0 - 1e-12)).astype(np.int64)
    return first / steps, 2 * half


@dataclass(frozen=True)
class Payouts:
    """Payouts of one halt on grids of `width` times `step`, aggregate limits, and the counts (a row each) to sum under.

    `limited` has E[min(paid for one halt, cap)] at the points of each grid, the last repeated where that of another
    policy goes on.
    """

    aggregate: FloatArray
    limited: FloatArray
    step: FloatArray
    width: Whole
    counts: FloatArray

    def solved(self, halts: int) -> tuple[PayoutGrid, FloatArray, FloatArray]:
        """The grids, the probabilities below the limits and the means."""
        grid = payout_grid(self.aggregate, self.limited, self.step, self.width, halts)
        below = grid.below(mixed(grid.transform.values, self.counts))
        return grid, below, grid.means(below)

    def solved_twice(self, halts: int) -> tuple[PayoutGrid, FloatArray, FloatArray, FloatArray]:
        """`solved`, and the means on every other point.

        At once for a few policies, whose calls cost more than the points which pad the coarse grids.
        """
        count = len(self.counts)
        coarse = replace(self, limited=self.limited[:, ::2], step=2.0 * self.step, width=self.width // 2)
        if count > _FEW:
            return *self.solved(halts), coarse.solved(halts)[2]
        padded = np.repeat(self.limited[:, -1:], self.limited.shape[1], axis=1)
        padded[:, : coarse.limited.shape[1]] = coarse.limited
        both = Payouts(
            np.concatenate([self.aggregate, self.aggregate]),
            np.concatenate([self.limited, padded]),
            np.concatenate([self.step, coarse.step]),
            np.concatenate([self.width, coarse.width]),
            np.concatenate([self.counts, self.counts]),
        )
        grid, below, means = both.solved(halts)
        return grid.first(count), below[:count], means[:count], means[count:]
