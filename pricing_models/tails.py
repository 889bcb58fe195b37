"""The far end of the lengths: a generalised Pareto law of what exceeds a threshold, its parameters averaged over.

With e the excess over the threshold, P(E > e) = (1 + xi e / beta)^(-1/xi) = exp(-L), L = log(1 + xi e / beta) / xi, and
E[min(E, d)] = beta L exprel((xi - 1) L), where exprel(x) = (e^x - 1) / x: xi = 0 and xi = 1 need no case of their own,
and under a limit the mean is finite for xi >= 1 too (Loss Models A.2; Pickands, Annals of Statistics 3, 1975).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pricing_models.grids import Nodes, posterior_nodes

FloatArray = NDArray[np.float64]

XI_PRIOR = (0.5, 0.5)
LOG_BETA_PRIOR = (float(np.log(86400.0)), 1.0)
_WIDE = 5.0  # standard deviations of the prior that are searched
_SMALL = 1e-9


@dataclass(frozen=True)
class Tail:
    """Nodes of the posterior of (xi, beta); `beta` in seconds."""

    xi: FloatArray
    beta: FloatArray
    weights: FloatArray

    def sf(self, excess: FloatArray) -> FloatArray:
        """P(E > excess)."""
        e = np.atleast_1d(np.asarray(excess, dtype=float))
        result: FloatArray = self.weights @ np.exp(-hazard(self.xi[:, None], self.beta[:, None], e))
        return result

    def limited_expectation(self, excess: FloatArray) -> FloatArray:
        """E[min(E, excess)]."""
        e = np.atleast_1d(np.asarray(excess, dtype=float))
        xi, beta = self.xi[:, None], self.beta[:, None]
        passed = hazard(xi, beta, e)
        result: FloatArray = self.weights @ (beta * passed * special.exprel((xi - 1.0) * passed))
        return result

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Excesses in seconds, each from parameters of its own draw."""
        node = rng.choice(self.weights.size, size=size, p=self.weights)
        passed = rng.exponential(size=size)
        result: FloatArray = self.beta[node] * passed * special.exprel(self.xi[node] * passed)
        return result

    def plug_in(self) -> "Tail":
        """The law at the posterior mean of (xi, log beta)."""
        xi = np.array([float(self.weights @ self.xi)])
        return Tail(xi, np.exp(np.array([float(self.weights @ np.log(self.beta))])), np.ones(1))


def hazard(xi: FloatArray, beta: FloatArray, excess: FloatArray) -> FloatArray:
    """-log P(E > excess); infinite beyond the end of a law with xi < 0."""
    x = excess / beta
    small = np.abs(xi) < _SMALL
    safe = np.where(small, 1.0, xi)
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = np.log1p(np.maximum(safe * x, -1.0)) / safe
    result: FloatArray = np.minimum(np.where(small, x, bent), 700.0)
    return result


def log_likelihood(xi: FloatArray, beta: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Matrix of log(S(low) - S(high)) of excesses: a row per node, a column per halt."""
    top = hazard(xi[:, None], beta[:, None], low)
    gap = hazard(xi[:, None], beta[:, None], high) - top
    result: FloatArray = -top + np.log(-np.expm1(-np.maximum(gap, 1e-300)))
    return result


def log_prior(xi: FloatArray, log_beta: FloatArray) -> FloatArray:
    """xi ~ Normal(1/2, 1/2), log beta ~ Normal(log 1 day, 1)."""
    centred = [(v - mean) / sd for v, (mean, sd) in ((xi, XI_PRIOR), (log_beta, LOG_BETA_PRIOR))]
    result: FloatArray = -0.5 * (centred[0] ** 2 + centred[1] ** 2)
    return result


def tail_nodes(low: FloatArray, high: FloatArray, points: int) -> Nodes:
    """Posterior nodes (xi, log beta) of excesses known between `low` and `high` seconds."""

    def log_density(x: FloatArray, y: FloatArray) -> FloatArray:
        found: FloatArray = log_likelihood(x, np.exp(y), low, high).sum(axis=1) + log_prior(x, y)
        return found

    box = [mean + sign * _WIDE * sd for mean, sd in (XI_PRIOR, LOG_BETA_PRIOR) for sign in (-1.0, 1.0)]
    return posterior_nodes(log_density, (box[0], box[1], box[2], box[3]), points)
