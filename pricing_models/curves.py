"""A law of lengths as a table: survival function and limited expectation at millions of points a second.

Both are smooth in the log of the length, so cubics on an even grid of it agree with the closed forms to nine digits,
and an even grid needs no search. Beyond the table's ends the closed forms answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from pricing_models import kernels

FloatArray = NDArray[np.float64]
Curve = Callable[[FloatArray], FloatArray]

_POINTS = 2048
_NEXT_TO_NOTHING = 1e-300


@dataclass(frozen=True)
class Curves:
    """`sf(x)` = P(D > x) and `lev(x)` = E[min(D, x)] for arrays of seconds of any shape.

    The grid has `per_unit` cells per unit of log seconds, from one second on. `survival` and `means` hold the
    coefficients of the cubics, highest power first, a row per cell.
    """

    per_unit: float
    survival: FloatArray
    means: FloatArray
    exact_sf: Curve
    exact_lev: Curve

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        return self._read(seconds, self.survival, self.exact_sf)

    def lev(self, seconds: FloatArray) -> FloatArray:
        """E[min(D, seconds)]."""
        return self._read(seconds, self.means, self.exact_lev)

    def _read(self, seconds: FloatArray, cubics: FloatArray, exact: Curve) -> FloatArray:
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        at: FloatArray = np.log(np.maximum(x, _NEXT_TO_NOTHING), order="C")  # so that `ravel` is a view
        at *= self.per_unit
        if kernels.read_cubics(at.ravel(), cubics, at.ravel()):
            outside = np.isnan(at)
            at[outside] = exact(x[outside])
        return at


@dataclass(frozen=True)
class Spliced:
    """Curves of a law that is `below` up to a length and beyond it has excesses with the law `above`."""

    below: Curves
    above: Curves
    at: float
    beyond: float  # P(D > at)
    until: float  # E[min(D, at)]

    @classmethod
    def of(cls, below: Curves, above: Curves, at: float) -> "Spliced":
        """Both joined at `at` seconds."""
        point = np.array([at])
        return cls(below, above, at, float(below.sf(point)[0]), float(below.lev(point)[0]))

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result: FloatArray = self.below.sf(np.minimum(x, self.at))
        far = x > self.at
        result[far] = self.beyond * self.above.sf(x[far] - self.at)
        return result

    def lev(self, seconds: FloatArray) -> FloatArray:
        """E[min(D, seconds)]: LEV(u) + S(u) LEV of the excess."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result: FloatArray = self.below.lev(np.minimum(x, self.at))
        far = x > self.at
        result[far] = self.until + self.beyond * self.above.lev(x[far] - self.at)
        return result


def tabulate(sf: Curve, lev: Curve, longest: float) -> Curves:
    """The curves of a law from its closed forms, for lengths of one second to `longest`.

    E[min(D, x)] is the integral of x S(x) over log x, by Gauss and Legendre in each cell, S from its cubics.
    """
    log_x = np.linspace(0.0, np.log(longest), _POINTS)
    step = float(log_x[1])
    x = np.exp(log_x)
    survival = sf(x)
    cubics = interpolate.CubicSpline(log_x, survival)
    abscissae, weights = np.polynomial.legendre.leggauss(3)
    inner = log_x[:-1, None] + step / 2.0 * (1.0 + abscissae)
    cells = (np.exp(inner) * cubics(inner)) @ weights * step / 2.0
    means = np.cumsum(np.append(lev(np.ones(1)), cells))
    below = interpolate.CubicHermiteSpline(log_x, means, x * survival).c
    scale = step ** np.arange(3, -1, -1)[:, None]
    return Curves(
        1.0 / step, np.ascontiguousarray((cubics.c * scale).T), np.ascontiguousarray((below * scale).T), sf, lev
    )
