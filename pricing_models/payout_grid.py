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
IntArray = NDArray[np.int64]

MOST_WORK = 2**29  # points x counts
_LITTLE_WORK = 2**16  # points x counts for which calls cost more than the work
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
    the distance of the payout's mean from its closed form. `false` is the transform of the payout of one false
    incident, less one; None where there are none.
    """

    step: FloatArray
    cells: IntArray
    aggregate: FloatArray
    transform: Transform
    error: FloatArray
    false: ComplexArray | None = None

    def first(self, rows: int) -> "PayoutGrid":
        """The first `rows` of them."""
        transform = replace(self.transform, values=self.transform.values[:rows])
        false = None if self.false is None else self.false[:rows]
        step, cells, aggregate = self.step[:rows], self.cells[:rows], self.aggregate[:rows]
        return PayoutGrid(step, cells, aggregate, transform, self.error[:rows], false)

    def summed(self, counts: FloatArray, alarms: FloatArray) -> FloatArray:
        """`below` of the sums over halts with the probabilities `counts` and false incidents of Poisson mean `alarms`:
        a compound Poisson law of transform t has that of exp(mean (t - 1)) (Loss Models 9.6)."""
        found = mixed(self.transform.values, counts)
        if self.false is not None and alarms.any():
            found *= np.exp(alarms[:, None] * self.false)
        return self.below(found)

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
    incidents: of these there are `alarms` on average, and `limited_false` is the same of the payout of one.
    """

    aggregate: FloatArray
    limited: FloatArray
    step: FloatArray
    width: IntArray
    counts: FloatArray
    halts: int
    alarms: FloatArray
    limited_false: FloatArray | None = None

    def solve(self) -> tuple[PayoutGrid, FloatArray, FloatArray]:
        """The grids, the probabilities below the limits and the means. Raises `InvalidTerms` if that is too much."""
        grid = self._grid()
        below = grid.summed(self.counts, self.alarms)
        return grid, below, grid.means(below)

    def solve_with_half(self) -> tuple[PayoutGrid, FloatArray, FloatArray, FloatArray]:
        """`solve`, and the means on every other point: at once where calls cost more than points that pad."""
        fewer = None if self.limited_false is None else self.limited_false[:, ::2]
        half = replace(
            self, limited=self.limited[:, ::2], step=2.0 * self.step, width=self.width // 2, limited_false=fewer
        )
        if self.limited.size * self.halts > _LITTLE_WORK:
            return *self.solve(), half.solve()[2]
        count = len(self.counts)
        padded = _padded(half.limited, self.limited)
        false = None
        if self.limited_false is not None and fewer is not None:
            false = np.concatenate([self.limited_false, _padded(fewer, self.limited_false)])
        both = Task(
            aggregate=np.concatenate([self.aggregate, self.aggregate]),
            limited=np.concatenate([self.limited, padded]),
            step=np.concatenate([self.step, half.step]),
            width=np.concatenate([self.width, half.width]),
            counts=np.concatenate([self.counts, self.counts]),
            halts=self.halts,
            alarms=np.concatenate([self.alarms, self.alarms]),
            limited_false=false,
        )
        grid, below, means = both.solve()
        return grid.first(count), below[:count], means[:count], means[count:]

    def _grid(self) -> PayoutGrid:
        reach = self.halts * self.width + 1
        cells = np.minimum(np.ceil(self.aggregate / self.step * (1.0 - 1e-12)), reach).astype(np.int64)
        most = int(cells.max())
        require_work(self.halts + 1, most)
        severity = discretise(self.limited, self.step[:, None])
        error = _error(severity, self.step, self.limited)
        transform = Transform.of(severity, most, int(reach.max()))
        false = None
        if self.limited_false is not None:
            of_false = discretise(self.limited_false, self.step[:, None])
            error = np.maximum(error, _error(of_false, self.step, self.limited_false))
            false = transform.of_others(of_false) - 1.0
        return PayoutGrid(self.step, cells, self.aggregate, transform, error, false)


def _error(severity: FloatArray, step: FloatArray, limited: FloatArray) -> FloatArray:
    """Relative distance of the discretised payout's mean from its closed form."""
    closed = limited[:, -1]
    mean = step * (severity @ np.arange(severity.shape[1], dtype=float))
    found: FloatArray = np.abs(mean - closed) / np.maximum(closed, 1e-300)
    return found


def _padded(half: FloatArray, whole: FloatArray) -> FloatArray:
    """Limited payouts on every other point, as wide as those on all: at the end they stay what they were."""
    padded = np.repeat(whole[:, -1:], whole.shape[1], axis=1)
    padded[:, : half.shape[1]] = half
    return padded
