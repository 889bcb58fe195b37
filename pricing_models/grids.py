"""A two-parameter posterior as a small set of weighted nodes.

The density is smooth and falls off fast, so the trapezoidal rule on a regular grid is accurate to far more
digits than the data carry, needs no optimiser and gives the same nodes at every run.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pricing_models.errors import FitFailed

FloatArray = NDArray[np.float64]
LogDensity = Callable[[FloatArray, FloatArray], FloatArray]

_DEPTH = 18.0  # nats below the peak at which the density is cut off: about six standard deviations
_PASSES = 40
_REFINEMENTS = 3
_RESOLVED = 10.0  # points per axis for each effective node and axis (1 / sum of squared weights) that is asked for
_DROPPED = 1e-7  # probability of the lightest nodes together, which are left out


@dataclass(frozen=True)
class Nodes:
    """Points (x, y) with weights that add up to one; `log_mass` is the log of the density's integral."""

    x: FloatArray
    y: FloatArray
    weights: FloatArray
    log_mass: float = 0.0

    def mean(self) -> tuple[float, float]:
        """Posterior mean of both parameters."""
        return float(self.weights @ self.x), float(self.weights @ self.y)


def posterior_nodes(log_density: LogDensity, box: tuple[float, float, float, float], points: int) -> Nodes:
    """Nodes of an unnormalised density, found by moving `box` = (x low, x high, y low, y high) onto it.

    The box shrinks or grows until the density fills it, and closes in on the mode while too few nodes
    carry the weight. A narrow ridge across the box, such as truncation leaves, does either by turns: it is looked for
    anew among twice the points, of which as many must carry the weight as before.
    Raises `FitFailed` when the density is nowhere finite or has no such box.
    """
    for finer in range(_REFINEMENTS):
        found = _searched(log_density, box, (points - 1) * 2**finer + 1, (points / _RESOLVED) ** 2)
        if found is not None:
            return found
    raise FitFailed(f"the posterior has no box that it fills within {box}: look for contradictions in the data")


def _searched(
    log_density: LogDensity, box: tuple[float, float, float, float], points: int, least: float
) -> Nodes | None:
    """The nodes with so many points per axis, `least` of them effective, None where no box is filled."""
    x_span, y_span = box[:2], box[2:]
    for _ in range(_PASSES):
        xs, ys = np.linspace(*x_span, points), np.linspace(*y_span, points)
        x, y = (side.ravel() for side in np.meshgrid(xs, ys, indexing="ij"))
        height = log_density(x, y)
        mode = int(np.argmax(height))
        if not np.isfinite(height[mode]):
            raise FitFailed(f"the posterior is not finite within {box}: look for impossible values in the data")
        weights = np.exp(height - height[mode])
        whole = float(weights.sum())
        weights /= whole
        if 1.0 / float(weights @ weights) < least:
            x_span, y_span = _around_mode(x[mode], xs), _around_mode(y[mode], ys)
            continue
        kept = height > height[mode] - _DEPTH
        x_fresh, x_fits = _span(x[kept], xs)
        y_fresh, y_fits = _span(y[kept], ys)
        if x_fits and y_fits:
            log_mass = float(height[mode] + np.log(whole * (xs[1] - xs[0]) * (ys[1] - ys[0])))
            return _without_lightest(x, y, weights, log_mass)
        x_span, y_span = x_fresh, y_fresh
    return None


def _around_mode(mode: float, axis: FloatArray) -> tuple[float, float]:
    reach = 3.0 * (axis[1] - axis[0])
    return float(mode - reach), float(mode + reach)


def _span(kept: FloatArray, axis: FloatArray) -> tuple[tuple[float, float], bool]:
    """The next span of an axis, and whether the present one fits: at least half filled, cut off at neither end."""
    step, width = axis[1] - axis[0], axis[-1] - axis[0]
    cut_low, cut_high = kept.min() <= axis[0], kept.max() >= axis[-1]
    low = kept.min() - (width / 4.0 if cut_low else step)
    high = kept.max() + (width / 4.0 if cut_high else step)
    filled = kept.max() - kept.min() > 0.5 * width
    return (float(low), float(high)), bool(filled and not cut_low and not cut_high)


def _without_lightest(x: FloatArray, y: FloatArray, weights: FloatArray, log_mass: float) -> Nodes:
    order = np.argsort(weights, kind="stable")
    heavy = np.sort(order[np.cumsum(weights[order]) > _DROPPED])
    return Nodes(x[heavy], y[heavy], weights[heavy] / weights[heavy].sum(), log_mass)
