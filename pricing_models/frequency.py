"""How often a subject halts: a posterior of its yearly rate, not a point.

The halts of subject i in E_i years are Poisson(theta_i E_i), the rates of a group of subjects
theta_i ~ Gamma(shape a, mean m). Given (m, a) the posterior of theta_i is Gamma(a + n_i, rate a/m + E_i) and
the predictive count is negative binomial; (m, a) is integrated over a grid under proper priors, because the
maximum likelihood of `a` is often infinite with few subjects and biased towards too little spread with many.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.experience import Experience
from pricing_models.grids import Nodes, posterior_nodes

FloatArray = NDArray[np.float64]

ALL = "all"
GROUP_OF_KIND: Mapping[str, str] = {
    "l1": "l1",
    "appchain": "l1",
    "sidechain": "l1",
    "l2": "rollup",
    "l3": "rollup",
    "rollup": "rollup",
    "optimistic_rollup": "rollup",
    "zk_rollup": "rollup",
    "validium": "rollup",
}
_PREDICTIVE_TAIL = 1e-13
_LARGEST_COUNT = 4096


@dataclass(frozen=True)
class FrequencyPrior:
    """Priors of a group's mean rate and of the spread of its subjects, and when a group stands alone.

    log m ~ Normal(log mean_rate, mean_log_sd) in halts a year: two thirds between 0.04 and 0.9.
    log a ~ Normal(log shape, shape_log_sd): the coefficient of variation among subjects, 1/sqrt(a), is
    between 0.4 and 2.7 with 95%.
    `by_kind`: whether layer ones and rollups have a mean and a spread each, or one in common, which foretells no worse
    (`backtest`).
    """

    mean_rate: float = 0.2
    mean_log_sd: float = 1.5
    shape: float = 1.0
    shape_log_sd: float = 1.0
    by_kind: bool = False
    group_min_subjects: int = 8
    group_min_halts: int = 5
    points: int = 33


@dataclass(frozen=True)
class RatePosterior:
    """Posterior of one subject's yearly rate of halts: a mixture of Gamma(shapes, rates).

    `credibility` is the weight of the subject's own history against its group's mean; `source` says in words
    what the rate rests on; `judged` that somebody put it there, in the place of what the data say.
    """

    shapes: FloatArray
    rates: FloatArray
    weights: FloatArray
    credibility: float
    source: str
    judged: bool = False

    @property
    def mean(self) -> float:
        """Halts a year."""
        return float(self.weights @ (self.shapes / self.rates))

    @property
    def sd(self) -> float:
        """Standard deviation of the rate, halts a year."""
        second = float(self.weights @ (self.shapes * (self.shapes + 1.0) / self.rates**2))
        return float(np.sqrt(max(0.0, second - self.mean**2)))

    def quantile(self, p: float) -> float:
        """The rate not exceeded with probability `p`."""
        if not 0.0 < p < 1.0:
            raise ValueError(f"p is {p}: must be between 0 and 1")

        def excess(log_rate: float) -> float:
            return float(self.weights @ special.gammainc(self.shapes, self.rates * np.exp(log_rate))) - p

        centre = np.log(self.mean)
        low, high = centre - 1.0, centre + 1.0
        while excess(low) > 0.0:
            low -= 2.0 * (centre - low)
        while excess(high) < 0.0:
            high += 2.0 * (high - centre)
        return float(np.exp(optimize.brentq(excess, low, high, xtol=1e-10)))

    def interval(self, level: float) -> tuple[float, float]:
        """Central credible interval of the rate."""
        tail = (1.0 - level) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)

    def scaled(self, factor: float) -> "RatePosterior":
        """The posterior of `factor` times the rate."""
        return replace(self, rates=self.rates / factor)

    def predictive(self, years: float, beyond: float = _PREDICTIVE_TAIL) -> FloatArray:
        """P(N = 0), P(N = 1), ... of the halts in `years`; the last holds what lies beyond (at most `beyond`, unless
        that takes more than 4096 halts)."""
        if not (np.isfinite(years) and years > 0):
            raise ValueError(f"years is {years}: must be positive and finite")
        success = self.rates / (self.rates + years)
        size = 16
        while True:
            counts = np.arange(size, dtype=float)[:, None]
            log_pmf = (
                special.gammaln(self.shapes + counts)
                - special.gammaln(self.shapes)
                - special.gammaln(counts + 1.0)
                + self.shapes * np.log(success)
                + special.xlog1py(counts, -success)
            )
            pmf: FloatArray = np.exp(log_pmf) @ self.weights
            rest = 1.0 - float(pmf.sum())
            if rest <= beyond or size >= _LARGEST_COUNT:
                break
            size *= 2
        if rest > beyond:
            pmf[-1] += rest
            return pmf
        tail = np.cumsum(pmf[::-1])[::-1]
        last = int(np.argmax(np.append(tail[1:], 0.0) <= beyond))
        return np.append(pmf[:last], tail[last] + max(0.0, rest))


def poisson_counts(mean: float) -> FloatArray:
    """P(N = 0), P(N = 1), ... of a Poisson count: the plug-in of a known rate."""
    size = int(np.ceil(mean + 10.0 * np.sqrt(mean) + 20.0))
    counts = np.arange(size, dtype=float)
    pmf: FloatArray = np.exp(special.xlogy(counts, mean) - mean - special.gammaln(counts + 1.0))
    pmf[-1] += max(0.0, 1.0 - float(pmf.sum()))
    return pmf


def log_marginal(mean: FloatArray, shape: FloatArray, halts: FloatArray, years: FloatArray) -> FloatArray:
    """Log likelihood of (m, a), one value per pair: the product of negative binomials over the subjects."""
    a, b = shape[:, None], (shape / mean)[:, None]
    terms = (
        special.gammaln(a + halts)
        - special.gammaln(a)
        - special.gammaln(halts + 1.0)
        - a * np.log1p(years / b)
        + special.xlogy(halts, years / (b + years))
    )
    total: FloatArray = terms.sum(axis=1)
    return total


@dataclass(frozen=True)
class FrequencyFit:
    """Posterior of (m, a) per group; `groups` always holds `all`."""

    groups: Mapping[str, Nodes]  # x = log m, y = log a
    experience: Experience
    prior: FrequencyPrior = field(default_factory=FrequencyPrior)

    def group_of(self, kind: str) -> str:
        """The group that a kind is fitted in: `all` when its own is too small, or it has none."""
        group = GROUP_OF_KIND.get(kind, ALL)
        return group if group in self.groups else ALL

    def posterior(self, subject_id: str, kind: str | None = None) -> RatePosterior:
        """The subject's rate given its history and its group's.

        A subject outside the universe was not watched by rule, so its quiet years are no evidence; its halts
        are. Its own history is used only when it holds more halts than its group would have had. One that is
        not in the experience needs `kind` and gets its group's predictive. Raises `UnknownSubject` when
        neither is known.
        """
        if subject_id not in self._histories:
            if kind is None:
                raise UnknownSubject(f"subject {subject_id!r} is not in the fit: name its kind to price its group")
            return self._update(self.group_of(kind), 0, 0.0)
        own_kind, halts, years, member = self._histories[subject_id]
        group = self.group_of(own_kind)
        if member:
            return self._update(group, halts, years, fitted=True)
        nodes = self.groups[group]
        expected = float(nodes.weights @ np.exp(nodes.x)) * years
        return self._update(group, halts, years) if halts > expected else self._update(group, 0, 0.0)

    @cached_property
    def _histories(self) -> dict[str, tuple[str, int, float, bool]]:
        """Per subject: kind, halts, years at risk, whether it is a member of the universe."""
        subjects = self.experience.subjects
        columns = (subjects["kind"], subjects["halts"], time_at_risk(subjects), subjects["in_universe"])
        rows = zip(subjects.index, *columns, strict=True)
        return {
            str(name): (str(kind), int(halts), float(years), bool(member)) for name, kind, halts, years, member in rows
        }

    def _update(self, group: str, halts: int, years: float, fitted: bool = False) -> RatePosterior:
        """Mixture over the group's nodes, reweighted by this history unless the group was fitted with it."""
        nodes = self.groups[group]
        mean, shape, weights = np.exp(nodes.x), np.exp(nodes.y), nodes.weights
        if years > 0 and not fitted:
            score = log_marginal(mean, shape, np.array([float(halts)]), np.array([years]))
            weights = weights * np.exp(score - score.max())
            weights = weights / weights.sum()
        weighted = "age-weighted " if "operational_years" in self.experience.subjects else ""
        own = f"{halts} halts in {years:.1f} {weighted}years, and the group" if years > 0 else "no history: the group"
        credibility = float(weights @ (years / (years + shape / mean))) if years > 0 else 0.0
        return RatePosterior(shape + halts, shape / mean + years, weights, credibility, f"{own} {group}")


def time_at_risk(subjects: pd.DataFrame) -> "pd.Series[float]":
    """Years in which a subject could halt and be seen to: operational ones (`covariates`) where they were worked out,
    which hold what its sources can see already, else plain ones times that share."""
    if "operational_years" in subjects:
        return subjects["operational_years"].astype(float)
    years = subjects["exposure_years"].astype(float)
    return years * subjects["detected"].astype(float) if "detected" in subjects else years


def fit(experience: Experience, prior: FrequencyPrior | None = None) -> FrequencyFit:
    """Fit the universe's subjects, all in one group and, `by_kind`, each kind that is large enough in its own.

    Raises `InvalidData` when no subject of the universe has any exposure.
    """
    prior = prior or FrequencyPrior()
    frame = experience.subjects
    used = frame[frame["in_universe"] & (time_at_risk(frame) > 0)]
    if used.empty:
        raise InvalidData("subjects: none is in the universe with a positive exposure; at least one is needed")
    groups = {ALL: _fit_group(used, prior)}
    kinds = used["kind"].map(GROUP_OF_KIND)
    for name, members in used.groupby(kinds) if prior.by_kind else ():
        enough = len(members) >= prior.group_min_subjects and members["halts"].sum() >= prior.group_min_halts
        if enough:
            groups[str(name)] = _fit_group(members, prior)
    return FrequencyFit(groups, experience, prior)


def _fit_group(members: pd.DataFrame, prior: FrequencyPrior) -> Nodes:
    halts = members["halts"].to_numpy(dtype=float)
    years = np.asarray(time_at_risk(members), dtype=np.float64)
    m0, a0 = float(np.log(prior.mean_rate)), float(np.log(prior.shape))

    def log_density(x: FloatArray, y: FloatArray) -> FloatArray:
        total = log_marginal(np.exp(x), np.exp(y), halts, years)
        total -= 0.5 * ((x - m0) / prior.mean_log_sd) ** 2 + 0.5 * ((y - a0) / prior.shape_log_sd) ** 2
        return total

    wide_m, wide_a = 6.0 * prior.mean_log_sd, 6.0 * prior.shape_log_sd
    return posterior_nodes(log_density, (m0 - wide_m, m0 + wide_m, a0 - wide_a, a0 + wide_a), prior.points)
