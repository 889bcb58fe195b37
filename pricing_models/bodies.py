"""Shapes that lengths of halts may have: lognormal, Weibull, log-logistic, Burr.

Every body is a location-scale law of log D: log(D / 1 s) = mu + sigma Z, with Z normal (lognormal), Gumbel of minima
(Weibull with shape 1/sigma and scale e^mu), logistic (log-logistic), or of survival (1 + e^z)^-a (Burr XII with shapes
a and 1/sigma; the log-logistic is a = 1, the Weibull the limit of large a). Only the Burr looks at `shape`, its a.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
_ONE = np.ones(1)
_FAR, _TERMS = float(np.log(9.0)), 40


@dataclass(frozen=True)
class Body:
    """A law of Z by name, its number of parameters, and the formulas that follow from it."""

    name: str
    parameters: int
    of_sf: Callable[[FloatArray, FloatArray], FloatArray]
    of_quantile: Callable[[FloatArray, FloatArray], FloatArray]
    of_lev: Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]

    def log_sf(self, z: FloatArray, shape: FloatArray = _ONE) -> FloatArray:
        """log P(Z > z)."""
        return self.of_sf(z, shape)

    def quantile(self, p: FloatArray, shape: FloatArray = _ONE) -> FloatArray:
        """The z not exceeded with probability `p`."""
        return self.of_quantile(p, shape)

    def lev(self, limit: FloatArray, mu: FloatArray, sigma: FloatArray, shape: FloatArray = _ONE) -> FloatArray:
        """E[min(D, limit)] for limit > 0."""
        return self.of_lev(limit, mu, sigma, shape)


def _lognormal_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray, _: FloatArray) -> FloatArray:
    """Klugman, Panjer, Willmot, Loss Models, A.4."""
    z = (np.log(limit) - mu) / sigma
    # exp and Phi go together as logs: alone the first overflows where the second vanishes
    below = np.exp(mu + 0.5 * sigma**2 + special.log_ndtr(z - sigma))
    return below + limit * special.ndtr(-z)  # type: ignore[no-any-return]


def _weibull_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray, _: FloatArray) -> FloatArray:
    """Loss Models, A.3, with x = (limit/scale)^(1/sigma): scale Gamma(1+sigma) P(1+sigma, x) + limit e^-x."""
    x = np.exp(np.minimum((np.log(limit) - mu) / sigma, 700.0))
    share = special.gammainc(1.0 + sigma, x)
    below = np.exp(mu + special.gammaln(1.0 + sigma)) * share
    return below + limit * np.exp(-x)  # type: ignore[no-any-return]


def _burr_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray, shape: FloatArray) -> FloatArray:
    """Integral of S(t) = (1 + x)^-a with x = (t/scale)^(1/sigma), finite for every sigma and a.

    Up to x = 9, with u = x / (1 + x), it is t (1 - u)^sigma F(1 + sigma - a, sigma; 1 + sigma; u) (Loss Models A.2
    after Pfaff's transformation). Beyond, u has too few digits left below one, and S is the binomial series of
    x^-a (1 + 1/x)^-a, whose integral has no case of its own where a - sigma is a whole number.
    """
    z = (np.log(limit) - mu) / sigma
    near = np.minimum(z, _FAR)
    u, rest = special.expit(near), special.expit(-near)
    total = np.exp(mu + sigma * near) * rest**sigma * special.hyp2f1(1.0 + sigma - shape, sigma, 1.0 + sigma, u)
    past = z - near
    if not past.any():
        return total  # type: ignore[no-any-return]
    term, beyond = np.ones_like(shape), np.zeros_like(total)
    for k in range(_TERMS):
        power = sigma - shape - k
        beyond += term * np.exp(power * _FAR) * special.exprel(power * past)
        term = -term * (shape + k) / (k + 1.0)
    return total + np.exp(mu) * sigma * past * beyond  # type: ignore[no-any-return]


BODIES: Mapping[str, Body] = {
    body.name: body
    for body in (
        Body("lognormal", 2, lambda z, _: special.log_ndtr(-z), lambda p, _: special.ndtri(p), _lognormal_lev),
        Body(
            "weibull",
            2,
            lambda z, _: -np.exp(np.minimum(z, 700.0)),
            lambda p, _: np.log(-np.log1p(-p)),
            _weibull_lev,
        ),
        Body(
            "loglogistic",
            2,
            lambda z, _: special.log_expit(-z),
            lambda p, _: special.logit(p),
            lambda limit, mu, sigma, _: _burr_lev(limit, mu, sigma, _ONE),
        ),
        Body(
            "burr",
            3,
            lambda z, a: a * special.log_expit(-z),
            lambda p, a: np.log(np.expm1(-np.log1p(-p) / a)),
            _burr_lev,
        ),
    )
}
