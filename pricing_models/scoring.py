"""Which law the lengths have: candidates scored on halts that they were not fitted to.

With a Pareto tail the posterior falls into two parts: the body's, to which a halt beyond the threshold is only known to
have reached it, and the tail's, of the halts whose lower bound lies beyond it. A halt whose bounds lie on either side
of the threshold tells the body that it lasted at least its lower one.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from pricing_models import tails
from pricing_models.bodies import BODIES, Body
from pricing_models.grids import posterior_nodes
from pricing_models.lengths import DurationPosterior, SplicedPosterior
from pricing_models.tails import Tail

FloatArray = NDArray[np.float64]
Missing = Literal["drop", "pessimistic"]
Halts = Literal["universe", "all"]

DAY = 86400.0
HOUR = 3600.0
WITH_TAIL = "+gpd"
CANDIDATES = (*BODIES, f"lognormal{WITH_TAIL}", f"weibull{WITH_TAIL}", f"loglogistic{WITH_TAIL}")
_TAIL_PARAMETERS = 2
LOG_SHAPES = np.linspace(-2.0, 2.0, 7)
_COARSE = 21  # points of the Burr's grids, of which there is one per shape
_ONE = np.ones(1)


@dataclass(frozen=True)
class DurationPrior:
    """Priors and thresholds of the fit; `missing` is the treatment of halts of which no length is known.

    `drop` takes them to be like the known ones. `pessimistic` takes each to have lasted at least as long as
    the median of the known ones: a halt whose end nobody recorded was hardly a short one.
    `bodies` are the candidates, in the order in which ties are broken: bodies by name, with `+gpd` for those with a
    Pareto tail beyond `threshold` seconds.
    mu ~ Normal(log 4 h, mu_sd), log sigma ~ Normal(log_sigma_mean, log_sigma_sd), the Burr's log shape ~ Normal(0, 1).
    `halts` are those that the law of the universe's subjects is fitted to: their own, or all that are told of.
    A group of kinds has mu ~ Normal(that of all halts, kind_sd) instead: partial pooling, `by_kind`, of groups with at
    least `group_min_known` halts whose length is bounded. kind_sd is judgement, two thirds of kinds lasting from half
    to twice as long as all do. Among fewer than `rich_min_known` halts no law of more than two parameters is tried.
    """

    missing: Missing = "drop"
    mu_sd: float = 2.0
    kind_sd: float = 0.7
    log_sigma_mean: float = 0.4
    log_sigma_sd: float = 0.7
    halts: Halts = "universe"
    by_kind: bool = True
    group_min_known: int = 1
    rich_min_known: int = 20
    folds: int = 10
    bodies: tuple[str, ...] = CANDIDATES
    threshold: float = DAY
    points: int = 25


@dataclass(frozen=True)
class BodyNodes:
    """Weighted parameters of a body; `log_density` is their log posterior but for a constant."""

    mu: FloatArray
    sigma: FloatArray
    shape: FloatArray
    weights: FloatArray
    log_density: FloatArray


@dataclass(frozen=True)
class Seen:
    """What is known of lengths, in seconds: each lies between `low` and `high` and would not have been seen below
    `floor`."""

    low: FloatArray
    high: FloatArray
    floor: FloatArray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Seen":
        """The rows of `duration.bounds`."""
        return cls(*(rows[name].to_numpy(dtype=float) for name in ("low", "high", "floor")))

    def before(self, threshold: float) -> "Seen":
        """The halts as the body sees them: beyond the threshold it knows no more."""
        low, floor = np.minimum(self.low, threshold), np.minimum(self.floor, threshold)
        return Seen(low, np.where(self.high > threshold, np.inf, self.high), floor)

    def beyond(self, threshold: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the excesses of the halts that lie beyond the threshold, which is above every floor."""
        told = self.low >= threshold
        return self.low[told] - threshold, self.high[told] - threshold


def log_likelihood(body: Body, mu: FloatArray, sigma: FloatArray, seen: Seen, shape: FloatArray = _ONE) -> FloatArray:
    """Matrix of log((S(low) - S(high)) / S(floor)): a row per node, a column per halt."""
    with np.errstate(divide="ignore"):  # low = 0 gives log S = 0 through z = -inf, high = inf gives z = inf
        z_low = (np.log(seen.low) - mu[:, None]) / sigma[:, None]
        z_high = (np.log(seen.high) - mu[:, None]) / sigma[:, None]
    top, bottom = body.log_sf(z_low, shape[:, None]), body.log_sf(z_high, shape[:, None])
    gap = np.minimum(bottom - top, -1e-300)
    result: FloatArray = top + np.log(-np.expm1(gap)) - _log_seen(body, mu, sigma, seen.floor, shape)
    return result


def _log_seen(body: Body, mu: FloatArray, sigma: FloatArray, floor: FloatArray, shape: FloatArray) -> FloatArray:
    """log S(floor), of which there is one value per node and distinct floor to work out, and hardly ever two."""
    distinct, place = np.unique(floor, return_inverse=True)
    if not distinct.any():
        return np.zeros((1, 1))
    with np.errstate(divide="ignore"):
        z = (np.log(distinct) - mu[:, None]) / sigma[:, None]
    result: FloatArray = body.log_sf(z, shape[:, None])[:, place]
    return result


def posterior(
    name: str,
    rows: pd.DataFrame,
    prior: DurationPrior,
    group: str,
    permanent: float,
    pooled: DurationPosterior | None = None,
) -> DurationPosterior:
    """The law of a candidate given the halts of a group, drawn towards the `pooled` law of all if that is given."""
    body, threshold = split(name, prior)
    seen = Seen.of(rows)
    nodes = body_nodes(body, seen.before(threshold), prior, prior.points, pooled)
    source = f"{len(rows)} halts of the group {group}, {name}"
    found = (body, nodes.mu, nodes.sigma, nodes.weights, source, permanent, nodes.shape)
    if not np.isfinite(threshold):
        return DurationPosterior(*found)
    far = tails.tail_nodes(*seen.beyond(threshold), prior.points)
    return SplicedPosterior(*found, threshold, Tail(far.x, np.exp(far.y), far.weights))


def split(name: str, prior: DurationPrior) -> tuple[Body, float]:
    """A candidate's body and the threshold of its tail, infinite without one."""
    return BODIES[name.removesuffix(WITH_TAIL)], prior.threshold if name.endswith(WITH_TAIL) else np.inf


def body_nodes(
    body: Body,
    seen: Seen,
    prior: DurationPrior,
    points: int,
    pooled: DurationPosterior | None = None,
) -> BodyNodes:
    """Posterior nodes of a body; of a Burr one grid per shape, weighted by what each explains."""
    shaped = body.parameters > 2
    parts = []
    for log_shape in LOG_SHAPES if shaped else np.zeros(1):
        shape = np.exp(np.array([log_shape]))
        of_mu = _prior_of_mu(prior, pooled, float(shape[0]))

        def log_density(
            x: FloatArray, y: FloatArray, shape: FloatArray = shape, of_mu: tuple[float, float] = of_mu
        ) -> FloatArray:
            total: FloatArray = log_likelihood(body, x, np.exp(y), seen, shape).sum(axis=1)
            return total + _log_prior(x, y, float(np.log(shape[0])), of_mu, prior)

        (mu0, mu_sd), s0 = of_mu, prior.log_sigma_mean
        wide_mu, wide_s = 6.0 * mu_sd, 6.0 * prior.log_sigma_sd
        box = (mu0 - wide_mu, mu0 + wide_mu, s0 - wide_s, s0 + wide_s)
        nodes = posterior_nodes(log_density, box, _COARSE if shaped else points)
        log_weights = np.log(nodes.weights) + nodes.log_mass
        parts.append(np.stack([nodes.x, np.exp(nodes.y), np.full(nodes.x.size, shape[0]), log_weights]))
    mu, sigma, shapes, log_weights = np.hstack(parts)
    weights = np.exp(log_weights - special.logsumexp(log_weights))
    heavy = weights > 1e-9
    return BodyNodes(mu[heavy], sigma[heavy], shapes[heavy], weights[heavy] / weights[heavy].sum(), log_weights[heavy])


def _prior_of_mu(prior: DurationPrior, pooled: DurationPosterior | None, shape: float) -> tuple[float, float]:
    """Mean and sd of mu's prior given a Burr's shape, with which the pooled mu moves."""
    if pooled is None:
        return float(np.log(4 * HOUR)), prior.mu_sd
    alike = np.isclose(np.broadcast_to(pooled.shape, pooled.mu.shape), shape)
    weights = np.where(alike, pooled.weights, 0.0) if alike.any() else pooled.weights
    return float(weights @ pooled.mu / weights.sum()), prior.kind_sd


def _log_prior(
    mu: FloatArray, log_sigma: FloatArray, log_shape: float, of_mu: tuple[float, float], prior: DurationPrior
) -> FloatArray:
    centred_mu = (mu - of_mu[0]) / of_mu[1]
    centred_sigma = (log_sigma - prior.log_sigma_mean) / prior.log_sigma_sd
    result: FloatArray = -0.5 * (centred_mu**2 + centred_sigma**2 + log_shape**2)
    return result


def score(rows: pd.DataFrame, prior: DurationPrior) -> pd.DataFrame:
    """Parameters and mean log predictive score per halt of each candidate, and the s.e. of its difference to the best
    one's. A tail is no candidate where no halt is known to lie beyond its threshold, nor is any law of more than two
    parameters where there are too few halts to tell."""
    order = {event: i for i, event in enumerate(sorted(rows["event_id"].astype(str).unique()))}
    fold = rows["event_id"].astype(str).map(order).to_numpy() % prior.folds
    seen = Seen.of(rows)
    some = bool((np.isfinite(seen.high) & (seen.low >= prior.threshold)).any())
    names = [name for name in prior.bodies if some or not name.endswith(WITH_TAIL)]
    names = names or list(dict.fromkeys(name.removesuffix(WITH_TAIL) for name in prior.bodies))
    if len(rows) < prior.rich_min_known:
        names = [name for name in names if _parameters(name, prior) == 2] or names
    points = {name: _fold_scores(name, seen, fold, prior) for name in names}
    best = max(points, key=lambda name: float(points[name].mean()))
    rows_of = {
        name: {
            "parameters": _parameters(name, prior),
            "log_score": float(value.mean()),
            "se_of_difference": float(np.std(value - points[best]) / np.sqrt(len(rows))),
        }
        for name, value in points.items()
    }
    return pd.DataFrame.from_dict(rows_of, orient="index")


def _parameters(name: str, prior: DurationPrior) -> int:
    return split(name, prior)[0].parameters + _TAIL_PARAMETERS * name.endswith(WITH_TAIL)


def _fold_scores(name: str, seen: Seen, fold: NDArray[np.int64], prior: DurationPrior) -> FloatArray:
    """Log predictive of each halt given the other folds, whose posteriors are one grid reweighted."""
    body, threshold = split(name, prior)
    own = seen.before(threshold)
    nodes = body_nodes(body, own, prior, 2 * prior.points + 1)
    told = log_likelihood(body, nodes.mu, nodes.sigma, own, nodes.shape)
    tail = _TailScores.of(seen, threshold, prior) if np.isfinite(threshold) else None
    result = np.empty(seen.low.size)
    for held in np.unique(fold):
        out = fold == held
        weights = _without(nodes.log_density, told[:, out])
        if tail is None:
            result[out] = special.logsumexp(told[:, out] + np.log(weights)[:, None], axis=0)
            continue
        below = _log_seen(body, nodes.mu, nodes.sigma, own.floor[out], nodes.shape)
        cut = [np.minimum(each[out], threshold) for each in (seen.low, seen.high)]
        with np.errstate(divide="ignore"):
            z = [(np.log(each) - nodes.mu[:, None]) / nodes.sigma[:, None] for each in cut]
        alive = [weights @ np.exp(body.log_sf(each, nodes.shape[:, None]) - below) for each in z]
        beyond = tail.survival(out)
        result[out] = np.log(np.maximum(alive[0] * beyond[0] - alive[1] * beyond[1], 1e-300))
    return result


@dataclass(frozen=True)
class _TailScores:
    """The tail's nodes, their log density, and of each the likelihood (column per halt, 0 where it tells nothing) and
    the survival of both bounds beyond the threshold."""

    log_density: FloatArray
    seen: FloatArray
    at_low: FloatArray
    at_high: FloatArray

    @classmethod
    def of(cls, known: Seen, threshold: float, prior: DurationPrior) -> "_TailScores":
        low, high = known.low, known.high
        nodes = tails.tail_nodes(*known.beyond(threshold), prior.points)
        xi, beta = nodes.x, np.exp(nodes.y)
        excess = [np.maximum(each - threshold, 0.0) for each in (low, high)]
        told = low >= threshold
        seen = np.zeros((xi.size, low.size))
        seen[:, told] = tails.log_likelihood(xi, beta, excess[0][told], excess[1][told])
        alive = [np.exp(-tails.hazard(xi[:, None], beta[:, None], each)) for each in excess]
        return cls(np.log(nodes.weights), seen, alive[0], np.where(np.isinf(high), 0.0, alive[1]))

    def survival(self, out: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
        """Predictive survival of the held-out halts' bounds beyond the threshold."""
        weights = _without(self.log_density, self.seen[:, out])
        return weights @ self.at_low[:, out], weights @ self.at_high[:, out]


def _without(log_density: FloatArray, seen: FloatArray) -> FloatArray:
    """Weights of the nodes of a posterior that has not seen these halts."""
    rest = log_density - seen.sum(axis=1)
    result: FloatArray = np.exp(rest - special.logsumexp(rest))
    return result
