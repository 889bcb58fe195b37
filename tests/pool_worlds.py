"""Worlds and books that the tests of the portfolio share."""

import numpy as np
from hypothesis import strategies as st

from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.frequency import RatePosterior
from pricing_models.lengths import SplicedPosterior
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book, Cover, Link, Process, World
from pricing_models.simulate.outages import YEAR
from pricing_models.tails import Tail
from pricing_models.world import BODY_CODES

HOUR, DAY = 3_600, 86_400


def law(median=4 * HOUR, sigma=1.3, body="lognormal", permanent=0.0, shape=1.0):
    points = np.array([np.log(median)]), np.array([sigma]), np.ones(1)
    return DurationPosterior(BODIES[body], *points, "a known law", permanent, np.array([shape]))


def tailed(law, threshold=8 * HOUR, xi=(0.7, -0.2, 0.0, 1.3)):
    """The same law with a Pareto tail, whose nodes are as likely as one another."""
    beta = HOUR * np.linspace(4.0, 40.0, len(xi))
    tail = Tail(np.array(xi), beta, np.full(len(xi), 1.0 / len(xi)))
    return SplicedPosterior(
        law.body, law.mu, law.sigma, law.weights, "a known tail", law.permanent, law.shape, threshold, tail
    )


def bent_law(permanent=0.02):
    """A Burr of uncertain parameters."""
    mu, sigma = np.log(np.array([2.0, 4.0, 9.0]) * HOUR), np.array([0.6, 0.9, 1.2])
    weights, shape = np.array([0.3, 0.5, 0.2]), np.array([0.7, 1.4, 3.0])
    return DurationPosterior(BODIES["burr"], mu, sigma, weights, "a bent law", permanent, shape)


def around(median, sigma, body, permanent, shape):
    """The law with three nodes of uneven weight to either side of these figures."""
    off = np.array([-0.5, 0.1, 0.6])
    points = np.log(median) + off, sigma * np.exp(0.4 * off), np.array([0.25, 0.45, 0.3])
    return DurationPosterior(BODIES[body], *points, "an uncertain law", permanent, shape * np.exp(-off))


def uncertain_law(permanent=0.02):
    mu = np.log(np.array([2.0, 4.0, 9.0]) * HOUR)
    weights = np.array([0.3, 0.5, 0.2])
    return DurationPosterior(BODIES["lognormal"], mu, np.array([1.0, 1.3, 1.7]), weights, "an uncertain law", permanent)


def uncertain_rate(mean=1.0):
    shapes = np.array([0.6, 2.0, 5.0])
    return RatePosterior(shapes, shapes / mean, np.array([0.3, 0.4, 0.3]), 0.5, "an uncertain rate")


def terms(waiting=HOUR, semantics=Semantics.RETENTION, rate=10, benefit=0, limit=500_000, aggregate=10**9):
    return Terms(waiting, semantics, rate, benefit, limit, aggregate)


def cover(name, subject, promise=None, start=0, end=YEAR):
    return Cover(name, subject, promise or terms(), start, end)


def small_pool(failover=0.4):
    """Two L1s, a stack, three rollups of which one sits on another; nine policies whose aggregate limits bind."""
    uncertain = (("l1-a", 2.0, "l1"), ("l1-b", 1.0, "l1"), ("r-1", 3.0, "rollup"))
    subjects = (
        *(Process(name, uncertain_rate(rate), uncertain_law(), group) for name, rate, group in uncertain),
        Process("r-2", 1.5, law(body="weibull"), "rollup"),
        Process("r-3", 0.0, law(), "rollup"),
    )
    links = (
        Link("r-1", "l1-a", 0.9),
        Link("r-2", "l1-b", 0.5),
        Link("r-3", "r-1", 1.0),
        Link("r-3", "stack", 0.7),
        Link("r-2", "stack", 0.7),
    )
    world = World(subjects, (Process("stack", 0.8, law(body="loglogistic")),), links, failover)
    covers = []
    for k in range(9):
        subject = subjects[k % 5].id
        semantics = Semantics.RETENTION if k % 2 else Semantics.QUALIFYING
        promise = terms((k % 4) * HOUR, semantics, 7 + 3 * k, 20_000 * (k % 3), 300_000 + k, 400_000 + 190_000 * k)
        covers.append(cover(f"p{k}", subject, promise, (k * 31 - 40) * DAY, (k * 31 + 150) * DAY))
    return Book(tuple(covers), world)


@st.composite
def some_terms(draw):
    limit = draw(st.integers(1, 10**6))
    return Terms(
        draw(st.one_of(st.just(0), st.integers(0, 2 * DAY))),
        draw(st.sampled_from(Semantics)),
        draw(st.one_of(st.integers(1, 20), st.integers(1, 10**7))),
        draw(st.one_of(st.just(0), st.integers(0, 2 * 10**6))),
        limit,
        draw(st.one_of(st.just(limit), st.integers(limit, 4 * limit), st.just(10**9))),
    )


@st.composite
def some_books(draw):
    """Up to six processes, dependencies without circles, up to twelve policies, busy enough for limits to bind."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 6)))]
    bodies = [draw(st.sampled_from(sorted(BODY_CODES))) for _ in names]
    rates = [draw(st.one_of(st.floats(0.0, 6.0), st.just(0.5).map(uncertain_rate))) for _ in names]
    sigmas = [draw(st.floats(0.2, 2.5)) for _ in names]
    medians = [draw(st.floats(60.0, 5 * DAY)) for _ in names]
    groups = draw(st.permutations(names))
    permanent = [draw(st.sampled_from([0.0, 0.0, 0.02, 0.3])) for _ in names]
    shapes = [draw(st.floats(0.1, 8.0)) for _ in names]
    uncertain = [draw(st.booleans()) for _ in names]
    laws = [
        around(*figures) if several else law(*figures)
        for several, *figures in zip(uncertain, medians, sigmas, bodies, permanent, shapes, strict=True)
    ]
    laws = [tailed(each, draw(st.floats(60.0, 5 * DAY))) if draw(st.booleans()) else each for each in laws]
    subjects = tuple(map(Process, names, rates, laws, groups))
    pairs = [(a, b) for i, a in enumerate(names) for b in names[:i]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6)) if pairs else []
    links = tuple(Link(a, b, draw(st.sampled_from([0.0, 0.3, 0.9, 1.0]))) for a, b in chosen)
    world = World(subjects, (), links, draw(st.sampled_from([0.0, 0.35, 1.0])))
    covers = []
    for k in range(draw(st.integers(0, 12))):
        start = draw(st.integers(-90 * DAY, YEAR - 1))
        end = start + draw(st.one_of(st.integers(1, 400 * DAY), st.just(365 * DAY)))
        covers.append(Cover(f"p{k}", draw(st.sampled_from(names)), draw(some_terms()), start, end))
    return Book(tuple(covers), world)
