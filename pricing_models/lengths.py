"""The predictive law of one halt's length: survival function, limited expectation, quantiles and samples.

Every figure is the mean over the nodes of the parameters' posterior (`duration`); a halt that is for good is an outcome
of its own.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pricing_models.bodies import Body
from pricing_models.curves import Curves, Spliced, tabulate
from pricing_models.payoff import SECONDS_BOUND
from pricing_models.tails import Tail

FloatArray = NDArray[np.float64]

_STRATA = 12
_LONGEST_LOG = 100.0  # where the search for a quantile ends
_LEAST = 1e-300


@dataclass(frozen=True)
class DurationPosterior:
    """Predictive law of one halt's length in seconds: for good with probability `permanent`, else a body, averaged over
    its parameters' posterior; `shape` is the Burr's."""

    body: Body
    mu: FloatArray
    sigma: FloatArray
    weights: FloatArray
    source: str
    permanent: float = 0.0
    shape: FloatArray = field(default_factory=lambda: np.ones(1))

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result = np.ones_like(x)
        positive = x > 0
        z = (np.log(x[positive]) - self.mu[:, None]) / self.sigma[:, None]
        ending = self.weights @ np.exp(self.body.log_sf(z, self.shape[:, None]))
        result[positive] = self.permanent + (1.0 - self.permanent) * ending
        return result

    def limited_expectation(self, seconds: FloatArray) -> FloatArray:
        """E[min(D, seconds)] in closed form per node."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result = np.zeros_like(x)
        positive = x > 0
        limit = np.broadcast_to(x[positive], (self.mu.size, int(positive.sum())))
        ending = self.weights @ self.body.lev(limit, self.mu[:, None], self.sigma[:, None], self.shape[:, None])
        result[positive] = self.permanent * x[positive] + (1.0 - self.permanent) * ending
        return result

    @cached_property
    def curves(self) -> Curves | Spliced:
        """`sf` and `limited_expectation` from a table made once, to nine digits: fast at many points."""
        return tabulate(self.sf, self.limited_expectation, float(SECONDS_BOUND))

    @cached_property
    def plug_in_curves(self) -> Curves | Spliced:
        """The curves of `plug_in`."""
        return self.plug_in().curves

    @cached_property
    def strata(self) -> tuple[FloatArray, tuple["DurationPosterior", ...]]:
        """Parts of about equal weight into which the nodes fall by the seconds that a usual cover would pay of a halt,
        those beyond the first hour up to a day: their weights, and the law of each. A Pareto tail is the same in all.
        """
        hours = np.array([3600.0, 86_400.0])[:, None]
        reached = [self.body.lev(each, self.mu, self.sigma, self.shape) for each in hours]
        order = np.argsort(reached[1] - reached[0], kind="stable")
        middle = np.cumsum(self.weights[order]) - self.weights[order] / 2.0
        place = np.minimum((middle * _STRATA).astype(np.int64), _STRATA - 1)
        parts = [order[place == each] for each in np.unique(place)]
        masses = np.array([float(self.weights[part].sum()) for part in parts])
        laws = [self._of(part, mass) for part, mass in zip(parts, masses, strict=True)]
        return masses / masses.sum(), tuple(laws)

    def _of(self, nodes: NDArray[np.intp], mass: float) -> "DurationPosterior":
        """The law given that its parameters are among these nodes."""
        shape = self.shape if self.shape.size == 1 else self.shape[nodes]
        weights = self.weights[nodes] / mass
        return replace(self, mu=self.mu[nodes], sigma=self.sigma[nodes], weights=weights, shape=shape)

    def quantile(self, p: float) -> float:
        """The length in seconds not exceeded with probability `p`; infinite where a permanent stop is as likely."""
        if not 0.0 < p < 1.0:
            raise ValueError(f"p is {p}: must be between 0 and 1")
        if 1.0 - p <= self.permanent:
            return float("inf")

        def excess(log_seconds: float) -> float:
            return 1.0 - p - float(self.sf(np.exp(np.array([log_seconds])))[0])

        return float(np.exp(optimize.brentq(excess, -_LONGEST_LOG, _LONGEST_LOG, xtol=1e-10)))

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Lengths in seconds, each from parameters of its own draw; infinite for a permanent stop."""
        node = rng.choice(self.weights.size, size=size, p=self.weights)
        shape = self.shape if self.shape.size == 1 else self.shape[node]
        z = self.body.quantile(rng.uniform(size=size), shape)
        lengths: FloatArray = np.exp(self.mu[node] + self.sigma[node] * z)
        if self.permanent > 0.0:
            lengths[rng.uniform(size=size) < self.permanent] = np.inf
        return lengths

    def plug_in(self) -> "DurationPosterior":
        """The same law at the posterior mean of (mu, log sigma, log shape): no parameter uncertainty."""
        mu = np.array([float(self.weights @ self.mu)])
        sigma = np.exp(np.array([float(self.weights @ np.log(self.sigma))]))
        shape = np.exp(np.array([float(self.weights @ np.broadcast_to(np.log(self.shape), self.weights.shape))]))
        return replace(self, mu=mu, sigma=sigma, weights=np.ones(1), shape=shape)


@dataclass(frozen=True)
class SplicedPosterior(DurationPosterior):
    """The same up to `threshold` seconds; beyond it the excess of a halt that ends has the law `tail`."""

    threshold: float = 0.0
    tail: Tail = field(default_factory=lambda: Tail(np.zeros(1), np.ones(1), np.ones(1)))

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        below, beyond = super().sf(np.minimum(x, self.threshold)), self._beyond
        far = x > self.threshold
        below[far] = self.permanent + (beyond - self.permanent) * self.tail.sf(x[far] - self.threshold)
        return below

    def limited_expectation(self, seconds: FloatArray) -> FloatArray:
        """LEV(u) + P(D > u) LEV of the excess."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        below = super().limited_expectation(np.minimum(x, self.threshold))
        far = x > self.threshold
        excess = x[far] - self.threshold
        ending = (self._beyond - self.permanent) * self.tail.limited_expectation(excess)
        below[far] += self.permanent * excess + ending
        return below

    @property
    def _beyond(self) -> float:
        """P(D > threshold)."""
        return float(super().sf(np.array([self.threshold]))[0])

    @cached_property
    def curves(self) -> Spliced:
        """Body and tail tabulated apart and joined, because the law has a corner where they meet."""
        below = tabulate(super().sf, super().limited_expectation, float(SECONDS_BOUND))
        forever = self.permanent / max(self._beyond, _LEAST)  # a body that never gets there has nothing beyond
        above = tabulate(
            lambda e: forever + (1.0 - forever) * self.tail.sf(e),
            lambda e: forever * e + (1.0 - forever) * self.tail.limited_expectation(e),
            float(SECONDS_BOUND),
        )
        return Spliced.of(below, above, self.threshold)

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Lengths in seconds, each from parameters of its own draw; infinite for a permanent stop."""
        lengths = super().sample(rng, size)
        far = np.isfinite(lengths) & (lengths > self.threshold)
        lengths[far] = self.threshold + self.tail.sample(rng, int(far.sum()))
        return lengths

    def plug_in(self) -> "SplicedPosterior":
        """The law at the posterior means of body and tail."""
        point = super().plug_in()
        body = {name: getattr(point, name) for name in ("mu", "sigma", "weights", "shape")}
        return replace(self, **body, tail=self.tail.plug_in())
