"""The capital of any usual policy on one subject in microseconds, from a table of exact ones: for mass quoting.

A policy that pays r a second after w seconds up to I an incident and A in all pays A times what depends on w, I / r,
A / I and the term alone. For each of a grid of these the exact marginal TVaR of the stored years is tabulated per unit
of A, at several sizes of A, for what a policy adds grows with its size. Between grid points it is interpolated.

A surface takes seconds and an exact candidate milliseconds: it pays from some thousand quotes of a subject on. For one
policy there is `added_capital`, which is exact.
"""

from bisect import bisect_right
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from pricing_models.capital import tail_size
from pricing_models.errors import InvalidData, InvalidTerms
from pricing_models.marginal import StoredTail
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS, MOST_INCIDENTS, Semantics, Terms
from pricing_models.portfolio import Book, Cover
from pricing_models.simulate.trace import settle_years

F64 = NDArray[np.float64]

HOUR, DAY = 3_600, 86_400
WAITING = (0, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, 24 * HOUR, 72 * HOUR)
"""Seconds."""
LIMIT_SECONDS = (HOUR // 4, HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 96 * HOUR, LONGEST_INCIDENT_SECONDS)
"""Seconds that the incident limit is worth."""
RATIOS = (1, 2, 3, 4, 8, MOST_INCIDENTS)
"""Aggregate limit over incident limit."""
TERMS = (7 * DAY, 30 * DAY, 60 * DAY, 90 * DAY, 120 * DAY, 180 * DAY, 240 * DAY, 300 * DAY, 365 * DAY)
"""Seconds, from the beginning of the simulated year."""
SIZES = (0.0, 0.5, 1.0)
"""Aggregate limit over the largest that the stored years price exactly; at 0 what an infinitely small policy adds."""
_RATE = 10**6


def _waiting(seconds: float) -> float:
    return log(seconds + HOUR / 2)


_AXES = (
    tuple(_waiting(each) for each in WAITING),
    tuple(log(each) for each in LIMIT_SECONDS),
    tuple(log(each) for each in RATIOS),
    tuple(float(each) for each in TERMS),
    SIZES,
)


@dataclass(frozen=True)
class Surface:
    """Marginal capital (TVaR) per unit of aggregate limit on one subject, for one `version` of a book and its run.

    `values` has an axis for the semantics (retention, qualifying), then WAITING, LIMIT_SECONDS, RATIOS, TERMS, SIZES.
    """

    subject: str
    version: str
    largest_limit: int
    values: F64

    def capital(self, terms: Terms, term_seconds: int) -> float:
        """What a policy that begins now adds to the pool's TVaR, in asset units, interpolated.

        Raises `InvalidTerms` naming the field for terms off the grid: those are priced by `StoredTail.marginal`.
        """
        cell: list[slice] = []
        shares: list[float] = []
        for axis, x in zip(_AXES, self._point(terms, term_seconds), strict=True):
            k = min(bisect_right(axis, x) - 1, len(axis) - 2)
            cell.append(slice(k, k + 2))
            shares.append((x - axis[k]) / (axis[k + 1] - axis[k]))
        corners = self.values[(0 if terms.semantics is Semantics.RETENTION else 1, *cell)].ravel().tolist()
        for share in reversed(shares):  # the last axis lies closest
            corners = [a + (b - a) * share for a, b in zip(corners[::2], corners[1::2], strict=True)]
        return float(corners[0]) * terms.aggregate_limit

    def _point(self, terms: Terms, term_seconds: int) -> tuple[float, ...]:
        # no incident pays more than a week, so that a limit above it is none
        limit = min(terms.incident_limit, terms.rate_per_second * LONGEST_INCIDENT_SECONDS)
        seconds, ratio = limit / terms.rate_per_second, min(terms.aggregate_limit / limit, float(RATIOS[-1]))
        _require("waiting_seconds", terms.waiting_seconds, 0, WAITING[-1])
        _require("failover_benefit", terms.failover_benefit, 0, 0)
        _require("incident_limit / rate_per_second", seconds, LIMIT_SECONDS[0], LIMIT_SECONDS[-1])
        _require("aggregate_limit", terms.aggregate_limit, 1, self.largest_limit)
        _require("term_seconds", term_seconds, TERMS[0], TERMS[-1])
        size = terms.aggregate_limit / self.largest_limit
        return _waiting(terms.waiting_seconds), log(seconds), log(ratio), float(term_seconds), size


def _require(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InvalidTerms(f"{name} is {value}: the surface has {least} to {most}; price it exactly instead")


def surface(stored: StoredTail, subject: str) -> Surface:
    """The surface of a subject; some seconds of work. Raises `UnknownSubject`, and `InvalidData` when the stored years
    leave no room for a policy: store a larger share."""
    room = stored.room
    if room < 1:
        raise InvalidData("the stored years hold no year below the tail: store a larger share of them")
    rows = stored.rows_of(subject)
    years, places = np.unique(rows[:, 0], return_inverse=True)
    at = np.searchsorted(stored.years, years)
    worst = _Worst.of(stored)
    before = worst.tvar(worst.totals)
    values = np.empty((2, *(len(axis) for axis in _AXES)))
    for s, semantics in enumerate((Semantics.RETENTION, Semantics.QUALIFYING)):
        for w, waiting in enumerate(WAITING):
            grid = _grid(subject, semantics, waiting)
            paid = np.zeros((len(grid), years.size), np.int64)
            settle_years(rows, _in_order(Book(grid, stored.book.world)), places, paid)
            limits = np.array([each.terms.aggregate_limit for each in grid])
            shares = [worst.added(at, each / limit, room, before) for each, limit in zip(paid, limits, strict=True)]
            values[s, w] = np.array(shares).reshape(values.shape[2:])
    return Surface(subject, stored.version, room, values)


def added_capital(
    stored: StoredTail, subject: str, terms: Terms, term_seconds: int, most_years: int | None = None
) -> float:
    """What a policy would add to the pool's TVaR if it began with the simulated year, in asset units: exact.

    A limit above the stored years' `room` may need all years simulated again; where these are more than `most_years`
    that is not done. Raises `UnknownSubject` for a subject that is not of the book's world, `InvalidData` when the
    policy can't join the book or its limit is too large for so few years.
    """
    years, limit = int(stored.totals.size), terms.aggregate_limit
    if most_years is not None and most_years < years and stored.years.size < years and limit > stored.room:
        why = f"{limit} is above {max(0, stored.room)}, and all {years:,} years would be simulated again"
        raise InvalidData(f"the limit is too large for a quick answer: {why}")
    return float(stored.marginal(Cover("", subject, terms, 0, term_seconds)).capital)


def _grid(subject: str, semantics: Semantics, waiting: int) -> tuple[Cover, ...]:
    """A policy for each limit, ratio and term, in the order of the axes."""
    covers: list[Cover] = []
    for seconds in LIMIT_SECONDS:
        for ratio in RATIOS:
            terms = Terms(waiting, semantics, _RATE, 0, _RATE * seconds, _RATE * seconds * ratio)
            covers += [Cover(str(len(covers) + i), subject, terms, 0, term) for i, term in enumerate(TERMS)]
    return tuple(covers)


def _in_order(book: Book) -> NDArray[np.int64]:
    """The columns of a book's policies in the order of its covers."""
    table = np.empty_like(book.policies[13])
    table[book.ordered] = book.policies[13]
    return table


@dataclass(frozen=True)
class _Worst:
    """The stored years' totals, and how much of each is in the tail: whole years, a part of one, and weights of all."""

    totals: F64
    whole: int
    part: float
    weights: F64

    @classmethod
    def of(cls, stored: StoredTail) -> "_Worst":
        totals = stored.totals[stored.years].astype(np.float64)
        size = tail_size(int(stored.totals.size), stored.level)
        worst = np.lexsort((np.arange(totals.size), -totals))
        weights = np.zeros(totals.size)
        weights[worst[: int(size)]], weights[worst[int(size)]] = 1.0, float(size - int(size))
        return cls(totals, int(size), float(size - int(size)), weights)

    def tvar(self, totals: F64) -> float:
        """Mean of the tail if these were the stored years' totals."""
        cut = totals.size - self.whole - 1
        largest = np.partition(totals, cut)[cut:]
        return float((largest[1:].sum() + self.part * largest[0]) / (self.whole + self.part))

    def added(self, at: NDArray[np.int64], paid: F64, room: int, before: float) -> list[float]:
        """What a policy paid `paid` per unit of its limit in the years `at` adds to TVaR per unit, for each size."""
        if not paid.any():
            return [0.0] * len(SIZES)
        found = [float(self.weights[at] @ paid) / (self.whole + self.part)]
        for step in SIZES[1:]:
            lifted = self.totals.copy()
            lifted[at] += step * room * paid
            found.append((self.tvar(lifted) - before) / (step * room))
        return found
