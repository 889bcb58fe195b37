"""The payout of one halt on a grid, and sums of several of them below an aggregate limit.

Mass is spread between grid points so that the mean is kept exactly (local moment matching, Loss Models 9.6.5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pricing_models import kernels
from pricing_models.errors import InvalidTerms
from pricing_models.fourier import ComplexArray, Transform, mixed
from pricing_models.payoff import TermsTable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_WORK = 2**29  # points x counts
_LITTLE_WORK = 2**16  # points x counts for which calls cost more than the work


def discretise(limited_means: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities on 0, step, 2 step, ... of losses with E[min(Y, i step)] = `limited_means[row, i]`, a row each, and
    their means in steps.

    The last point takes what lies beyond it, as E[min(Y, last)] does; the mean is kept exactly.
    """
    survival, rising = kernels.slopes(limited_means, step)
    # it falls but for rounding, which far out outweighs the fall: cutting that off would add to the mean
    for row in np.flatnonzero(rising):
        survival[row] = optimize.isotonic_regression(survival[row], increasing=False).x
    found: tuple[FloatArray, FloatArray] = kernels.masses(survival)
    return found


def require_work(counts: int, cells: int) -> None:
    """Raises `InvalidTerms` for sums that take too long."""
    if 2 * cells * counts > MOST_WORK:
        raise InvalidTerms(f"up to {counts - 1} halts on {cells} points: shorten the term or lower the limits")


@dataclass(frozen=True)
class PayoutGrid:
    """The payout of one halt of several policies, each on the grid of its own `step`, and its transform.

    `cells` counts the points below the aggregate limit, or as far as so many halts reach if that is less; `error` is
    the distance of the payout's mean from its closed form. `false` is the transform of the payout of one false
    incident; None where there are none.
    """

    step: FloatArray
    cells: IntArray
    aggregate: FloatArray
    transform: Transform
    error: FloatArray
    false: ComplexArray | None = None

    def summed(self, counts: FloatArray, alarms: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Sums over halts with the probabilities `counts` and false incidents with the probabilities `alarms`, a row
        for each of the first policies: the probabilities of the points below the limits, a row ending where its own
        limit is, and the means, for what is not below the limit pays it."""
        rows = len(counts)
        found = mixed(self.transform.values[:rows], counts)
        if self.false is not None and alarms is not None:
            found *= mixed(self.false[:rows], alarms)
        below, sums, steps = self.transform.back(found, self.cells[:rows])
        return below, self.step[:rows] * steps + self.aggregate[:rows] * np.maximum(0.0, 1.0 - sums)


def grid_of(table: TermsTable, steps: IntArray) -> tuple[FloatArray, IntArray]:
    """The step that cuts the most a first incident is owed into so many, and how many of it reach the most that a halt
    is owed: an even number, so that every other point is a grid too."""
    first = np.maximum(1.0, table.first)
    half = np.ceil(table.most / first * steps / 2.0 * (1.0 - 1e-12)).astype(np.int64)
    return first / steps, 2 * half


@dataclass(frozen=True)
class Task:
    """Payouts of one halt on grids of `width` times `step`, aggregate limits, and the counts (a row each) to sum under.

    `limited` has E[min(paid for one halt, cap)] at the points of each grid, the last repeated where that of another
    policy goes on. `halts` is the most that any count goes to, these or others that are asked for later, with false
    incidents: `alarms` has the probabilities of how many of them there are, and `limited_false` is the same of the
    payout of one.
    """

    aggregate: FloatArray
    limited: FloatArray
    step: FloatArray
    width: IntArray
    counts: FloatArray
    halts: int
    alarms: FloatArray | None = None
    limited_false: FloatArray | None = None

    def solve(self) -> tuple[PayoutGrid, FloatArray, FloatArray]:
        """The grids, the probabilities below the limits and the means. Raises `InvalidTerms` if that is too much."""
        grid = self._grid()
        return grid, *grid.summed(self.counts, self.alarms)

    def solve_with_half(self) -> tuple[PayoutGrid, FloatArray, FloatArray, FloatArray]:
        """`solve`, and the means on every other point: at once where calls cost more than points that pad."""
        if self.limited.size * self.halts > _LITTLE_WORK:
            return *self.solve(), self._half().solve()[2]
        count = len(self.counts)
        grid, below, means = self._with_half().solve()
        return grid, below[:count], means[:count], means[count:]

    def _half(self) -> "Task":
        false = None if self.limited_false is None else self.limited_false[:, ::2].copy()
        step, width = 2.0 * self.step, self.width // 2
        return Task(
            self.aggregate, self.limited[:, ::2].copy(), step, width, self.counts, self.halts, self.alarms, false
        )

    def _with_half(self) -> "Task":
        """These policies, and once more on every other point."""
        false = None if self.limited_false is None else _with_padded_half(self.limited_false)
        alarms = None if self.alarms is None else _twice(self.alarms)
        step, width = np.concatenate([self.step, 2.0 * self.step]), np.concatenate([self.width, self.width // 2])
        limited = _with_padded_half(self.limited)
        return Task(_twice(self.aggregate), limited, step, width, _twice(self.counts), self.halts, alarms, false)

    def _grid(self) -> PayoutGrid:
        reach = self.halts * self.width + 1
        cells = np.minimum(np.ceil(self.aggregate / self.step * (1.0 - 1e-12)), reach).astype(np.int64)
        most = int(cells.max())
        require_work(self.halts + 1, most)
        severity, means = discretise(self.limited, self.step)
        error = _error(self.step * means, self.limited[:, -1])
        transform = Transform.of(severity, most, int(reach.max()))
        false = None
        if self.limited_false is not None:
            of_false, means = discretise(self.limited_false, self.step)
            error = np.maximum(error, _error(self.step * means, self.limited_false[:, -1]))
            false = transform.of_others(of_false)
        return PayoutGrid(self.step, cells, self.aggregate, transform, error, false)


def _error(means: FloatArray, closed: FloatArray) -> FloatArray:
    """Relative distance of the discretised payouts' means from their closed forms."""
    found: FloatArray = np.abs(means - closed) / np.maximum(closed, 1e-300)
    return found


def _twice(rows: FloatArray) -> FloatArray:
    return np.concatenate([rows, rows])


def _with_padded_half(limited: FloatArray) -> FloatArray:
    """Limited payouts, and those on every other point, as wide: at the end they stay what they were."""
    rows, columns = limited.shape
    found = np.empty((2 * rows, columns))
    found[:rows] = limited
    found[rows:] = limited[:, -1:]
    found[rows:, : (columns + 1) // 2] = limited[:, ::2]
    return found
