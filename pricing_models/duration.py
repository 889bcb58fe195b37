"""How long a halt lasts: heavy-tailed bodies fitted to rounded, bounded and censored durations.

Every body is a location-scale law of log D: log(D / 1 s) = mu + sigma Z, with Z normal (lognormal), Gumbel of
minima (Weibull with shape 1/sigma and scale e^mu) or logistic (log-logistic). A duration gives the likelihood
S(low) - S(high); one still running when last seen S(low). The posterior of (mu, log sigma) is a small set of
weighted nodes, and every figure of a `DurationPosterior` is the mean over them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import interpolate, optimize, special

from pricing_models.errors import InvalidData
from pricing_models.experience import Experience, Status
from pricing_models.frequency import ALL, GROUP_OF_KIND
from pricing_models.grids import Nodes, posterior_nodes
from pricing_models.payoff import SECONDS_BOUND

FloatArray = NDArray[np.float64]
Missing = Literal["drop", "pessimistic"]

DAY = 86400.0
HOUR = 3600.0
_TABLE_POINTS = 2048


@dataclass(frozen=True)
class Body:
    """A law of Z and the two formulas that follow from it: `log_sf(z)`, `quantile(p)` of Z,
    and `lev(limit, mu, sigma)` = E[min(D, limit)] for limit > 0."""

    name: str
    log_sf: Callable[[FloatArray], FloatArray]
    quantile: Callable[[FloatArray], FloatArray]
    lev: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def _lognormal_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Klugman, Panjer, Willmot, Loss Models, A.4."""
    z = (np.log(limit) - mu) / sigma
    # exp and Phi go together as logs: alone the first overflows where the second vanishes
    below = np.exp(mu + 0.5 * sigma**2 + special.log_ndtr(z - sigma))
    return below + limit * special.ndtr(-z)  # type: ignore[no-any-return]


def _weibull_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Loss Models, A.3, with x = (limit/scale)^(1/sigma): scale Gamma(1+sigma) P(1+sigma, x) + limit e^-x."""
    x = np.exp(np.minimum((np.log(limit) - mu) / sigma, 700.0))
    share = special.gammainc(1.0 + sigma, x)
    below = np.exp(mu + special.gammaln(1.0 + sigma)) * share
    return below + limit * np.exp(-x)  # type: ignore[no-any-return]


def _loglogistic_lev(limit: FloatArray, mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Integral of 1 / (1 + (t/scale)^(1/sigma)), finite for every sigma: with u = x / (1 + x),
    limit (1 - u)^sigma F(sigma, sigma; 1 + sigma; u) (Loss Models A.2 after Pfaff's transformation)."""
    z = (np.log(limit) - mu) / sigma
    u, rest = special.expit(z), special.expit(-z)
    return limit * rest**sigma * special.hyp2f1(sigma, sigma, 1.0 + sigma, u)  # type: ignore[no-any-return]


BODIES: Mapping[str, Body] = {
    body.name: body
    for body in (
        Body("lognormal", lambda z: special.log_ndtr(-z), special.ndtri, _lognormal_lev),
        Body(
            "weibull",
            lambda z: -np.exp(np.minimum(z, 700.0)),
            lambda p: np.log(-np.log1p(-p)),
            _weibull_lev,
        ),
        Body("loglogistic", lambda z: special.log_expit(-z), special.logit, _loglogistic_lev),
    )
}


@dataclass(frozen=True)
class DurationPrior:
    """Priors and thresholds of the fit; `missing` is the treatment of halts of which no length is known.

    `drop` takes them to be like the known ones. `pessimistic` takes each to have lasted at least as long as
    the median of the known ones: a halt whose end nobody recorded was hardly a short one.
    `bodies` are the candidates, in the order in which ties are broken.
    mu ~ Normal(log 4 h, mu_sd), log sigma ~ Normal(log_sigma_mean, log_sigma_sd).
    """

    missing: Missing = "drop"
    mu_sd: float = 2.0
    log_sigma_mean: float = 0.4
    log_sigma_sd: float = 0.7
    group_min_known: int = 20
    folds: int = 10
    bodies: tuple[str, ...] = tuple(BODIES)
    points: int = 25


@dataclass(frozen=True)
class DurationPosterior:
    """Predictive law of one halt's length in seconds: for good with probability `permanent`, else a body, averaged over
    its parameters' posterior."""

    body: Body
    mu: FloatArray
    sigma: FloatArray
    weights: FloatArray
    source: str
    permanent: float = 0.0

    def sf(self, seconds: FloatArray) -> FloatArray:
        """P(D > seconds)."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result = np.ones_like(x)
        positive = x > 0
        z = (np.log(x[positive]) - self.mu[:, None]) / self.sigma[:, None]
        result[positive] = self.permanent + (1.0 - self.permanent) * (self.weights @ np.exp(self.body.log_sf(z)))
        return result

    def limited_expectation(self, seconds: FloatArray) -> FloatArray:
        """E[min(D, seconds)] in closed form per node."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        result = np.zeros_like(x)
        positive = x > 0
        limit = np.broadcast_to(x[positive], (self.mu.size, int(positive.sum())))
        ending = self.weights @ self.body.lev(limit, self.mu[:, None], self.sigma[:, None])
        result[positive] = self.permanent * x[positive] + (1.0 - self.permanent) * ending
        return result

    @cached_property
    def _table(self) -> interpolate.CubicHermiteSpline:
        """LEV against log x: the integral of its slope x S(x), by Gauss-Legendre in each cell."""
        log_x = np.linspace(0.0, np.log(float(SECONDS_BOUND)), _TABLE_POINTS)
        step = log_x[1]
        abscissae, gauss = np.polynomial.legendre.leggauss(3)
        inner = np.exp((log_x[:-1, None] + step / 2.0 * (1.0 + abscissae)).ravel())
        cells = (inner * self.sf(inner)).reshape(-1, 3) @ (gauss * step / 2.0)
        x = np.exp(log_x)
        first = self.limited_expectation(np.ones(1))
        values = np.cumsum(np.append(first, cells))
        return interpolate.CubicHermiteSpline(log_x, values, x * self.sf(x))

    def tabulated_expectation(self, seconds: FloatArray) -> FloatArray:
        """`limited_expectation` to nine digits, from a table made once: fast on a long grid."""
        x = np.atleast_1d(np.asarray(seconds, dtype=float))
        inside = (x >= 1.0) & (x <= SECONDS_BOUND)
        result = np.empty_like(x)
        result[inside] = self._table(np.log(x[inside]))
        if not inside.all():
            result[~inside] = self.limited_expectation(x[~inside])
        return result

    def quantile(self, p: float) -> float:
        """The length in seconds not exceeded with probability `p`; infinite where a permanent stop is as likely."""
        if not 0.0 < p < 1.0:
            raise ValueError(f"p is {p}: must be between 0 and 1")
        if 1.0 - p <= self.permanent:
            return float("inf")
        each = self.mu + self.sigma * self.body.quantile(np.array([p / (1.0 - self.permanent)]))
        low, high = float(each.min()) - 1.0, float(each.max()) + 1.0

        def excess(log_seconds: float) -> float:
            return 1.0 - p - float(self.sf(np.exp(np.array([log_seconds])))[0])

        return float(np.exp(optimize.brentq(excess, low, high, xtol=1e-10)))

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Lengths in seconds, each from parameters of its own draw; infinite for a permanent stop."""
        node = rng.choice(self.weights.size, size=size, p=self.weights)
        z = self.body.quantile(rng.uniform(size=size))
        lengths: FloatArray = np.exp(self.mu[node] + self.sigma[node] * z)
        if self.permanent > 0.0:
            lengths[rng.uniform(size=size) < self.permanent] = np.inf
        return lengths

    def plug_in(self) -> "DurationPosterior":
        """The same law at the posterior mean of (mu, log sigma): no parameter uncertainty."""
        mu = np.array([float(self.weights @ self.mu)])
        sigma = np.exp(np.array([float(self.weights @ np.log(self.sigma))]))
        return replace(self, mu=mu, sigma=sigma, weights=np.ones(1))


@dataclass(frozen=True)
class DurationFit:
    """The chosen body, its cross-validated scores against the others, and a posterior per group.

    `permanent` is the share of halts that are for good, one for all kinds: there are too few to tell kinds apart.
    """

    body: Body
    scores: pd.DataFrame  # index body: mean log score a halt, its s.e. against the best
    groups: Mapping[str, DurationPosterior]
    permanent: float = 0.0

    def posterior(self, kind: str) -> DurationPosterior:
        """Law of the lengths of a kind's halts: its group's own, or the pooled one."""
        return self.groups.get(GROUP_OF_KIND.get(kind, ALL), self.groups[ALL])


def bounds(durations: pd.DataFrame, missing: Missing) -> pd.DataFrame:
    """Rows (subject_id, kind, event_id, low, high) as the likelihood takes them: the missing ones treated, the
    permanent ones left out.

    An exact figure is as good as its rounding: half a day for whole days, half an hour for whole hours, else
    half a minute (at most half of itself).
    """
    if missing not in ("drop", "pessimistic"):
        raise InvalidData(f"missing is {missing!r}: must be 'drop' or 'pessimistic'")
    columns = ["subject_id", "kind", "event_id", "low", "high", "status"]
    frame = durations.loc[durations["status"] != Status.PERMANENT, columns].copy()
    exact = (frame["status"] == Status.EXACT).to_numpy()
    value = frame["low"].to_numpy(dtype=float)
    half = np.select([value % DAY == 0, value % HOUR == 0], [DAY / 2, HOUR / 2], 30.0)
    half = np.where(exact, np.minimum(half, value / 2), 0.0)
    known = exact | (frame["status"] == Status.INTERVAL).to_numpy()
    middle = (frame["low"] + frame["high"])[known] / 2
    frame["low"], frame["high"] = frame["low"] - half, frame["high"] + half
    unknown = (frame["status"] == Status.MISSING).to_numpy()
    if missing == "pessimistic" and known.any():
        frame.loc[unknown, "low"] = float(middle.median())
        unknown = np.zeros_like(unknown)
    return frame.loc[~unknown].drop(columns="status").reset_index(drop=True)


def log_likelihood(body: Body, mu: FloatArray, sigma: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Matrix of log(S(low) - S(high)): a row per node, a column per halt."""
    with np.errstate(divide="ignore"):  # low = 0 gives log S = 0 through z = -inf, high = inf gives z = inf
        z_low = (np.log(low) - mu[:, None]) / sigma[:, None]
        z_high = (np.log(high) - mu[:, None]) / sigma[:, None]
    top, bottom = body.log_sf(z_low), body.log_sf(z_high)
    gap = np.minimum(bottom - top, -1e-300)
    result: FloatArray = top + np.log(-np.expm1(gap))
    return result


def fit(experience: Experience, prior: DurationPrior | None = None) -> DurationFit:
    """Choose the body on all halts, then fit it to each group with enough known durations and to all
    together.

    The criterion is the cross-validated log predictive score (folds by event, so the subjects of one cause
    stay together). Of the bodies within one standard error of the best the first candidate is taken: all
    have two parameters, so the order is a convention. Raises `InvalidData` when nothing bounds any duration.
    """
    prior = prior or DurationPrior()
    rows = bounds(experience.durations, prior.missing)
    if not np.isfinite(rows["high"]).any():
        raise InvalidData("outages: no usable row has an upper bound of its duration; at least one is needed")
    scores = _scores(rows, prior)
    close = scores["log_score"] >= scores["log_score"].max() - scores["se_of_difference"]
    body = BODIES[str(scores.index[close.to_numpy()][0])]
    share = permanent_share(experience.durations)
    groups = {ALL: _posterior(body, rows, prior, ALL, share)}
    for name, members in rows.groupby(rows["kind"].map(GROUP_OF_KIND)):
        if int(np.isfinite(members["high"]).sum()) >= prior.group_min_known:
            groups[str(name)] = _posterior(body, members, prior, str(name), share)
    return DurationFit(body, scores, groups, share)


def permanent_share(durations: pd.DataFrame) -> float:
    """Probability that a halt is for good: the mean of its posterior under Beta(1/2, 49/2), a prior that
    expects one in fifty and counts as much as 25 halts.

    That such a halt also ends the chain's halts is left out: it matters by less than this share.
    """
    count = int((durations["status"] == Status.PERMANENT).sum())
    return (count + 0.5) / (len(durations) + 25.0)


def _posterior(body: Body, rows: pd.DataFrame, prior: DurationPrior, group: str, permanent: float) -> DurationPosterior:
    nodes = _nodes(body, rows, prior, prior.points)
    source = f"{len(rows)} halts of the group {group}, {body.name}"
    law = DurationPosterior(body, nodes.x, np.exp(nodes.y), nodes.weights, source, permanent)
    law.tabulated_expectation(np.ones(1))  # makes the table now: a price has no time for it
    return law


def _nodes(body: Body, rows: pd.DataFrame, prior: DurationPrior, points: int) -> Nodes:
    low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)

    def log_density(x: FloatArray, y: FloatArray) -> FloatArray:
        total: FloatArray = log_likelihood(body, x, np.exp(y), low, high).sum(axis=1)
        return total + _log_prior(x, y, prior)

    mu0, s0 = float(np.log(4 * HOUR)), prior.log_sigma_mean
    wide_mu, wide_s = 6.0 * prior.mu_sd, 6.0 * prior.log_sigma_sd
    return posterior_nodes(log_density, (mu0 - wide_mu, mu0 + wide_mu, s0 - wide_s, s0 + wide_s), points)


def _log_prior(mu: FloatArray, log_sigma: FloatArray, prior: DurationPrior) -> FloatArray:
    centred_mu = (mu - np.log(4 * HOUR)) / prior.mu_sd
    centred_sigma = (log_sigma - prior.log_sigma_mean) / prior.log_sigma_sd
    result: FloatArray = -0.5 * (centred_mu**2 + centred_sigma**2)
    return result


def _scores(rows: pd.DataFrame, prior: DurationPrior) -> pd.DataFrame:
    """Mean log predictive score per halt of each body, and the s.e. of its difference to the best one's."""
    order = {event: i for i, event in enumerate(sorted(rows["event_id"].astype(str).unique()))}
    fold = rows["event_id"].astype(str).map(order).to_numpy() % prior.folds
    candidates = {name: BODIES[name] for name in prior.bodies}
    points = {name: _fold_scores(body, rows, fold, prior) for name, body in candidates.items()}
    best = max(points, key=lambda name: float(points[name].mean()))
    error = {name: float(np.std(value - points[best]) / np.sqrt(len(rows))) for name, value in points.items()}
    frame = pd.DataFrame(
        {
            "log_score": {name: float(value.mean()) for name, value in points.items()},
            "se_of_difference": error,
        }
    )
    return frame.loc[list(prior.bodies)]


def _fold_scores(body: Body, rows: pd.DataFrame, fold: NDArray[np.int64], prior: DurationPrior) -> FloatArray:
    """Log predictive of each halt given the other folds, whose posteriors are one grid reweighted."""
    nodes = _nodes(body, rows, prior, 2 * prior.points + 1)
    low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)
    matrix = log_likelihood(body, nodes.x, np.exp(nodes.y), low, high)
    before = _log_prior(nodes.x, nodes.y, prior) + matrix.sum(axis=1)
    score = np.empty(len(rows))
    for held in np.unique(fold):
        out = fold == held
        rest = before - matrix[:, out].sum(axis=1)
        rest = rest - special.logsumexp(rest)
        score[out] = special.logsumexp(matrix[:, out] + rest[:, None], axis=0)
    return score
