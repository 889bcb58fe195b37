"""A book laid out for the kernels: per subject what its policies in force pay, as a function of an incident's length.

A policy's function is two straight pieces: nothing up to the waiting period, rising up to the limit, level from there.
Each piece is a record (length from which it holds, change of slope, change of constant).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pricing_models.payoff import INT64_BOUND, LONGEST_INCIDENT_SECONDS, Semantics, Terms
from pricing_models.simulate.outages import YEAR
from pricing_models.simulate.payouts import LENGTH_CELLS, TIME_CELLS, TIME_SHIFT

I64 = NDArray[np.int64]
Records = list[tuple[int, int, int]]
InForce = tuple[int, int, Terms]
"""Start and end within the year, and terms."""

LARGEST_TABLE = 2**15
"""Numbers of a subject's table (256 KiB): more would not stay in a core's cache, and memory would grow too fast."""


class _Subject(NamedTuple):
    edges: I64
    points: I64
    changes: list[list[tuple[int, int, int]]]
    """Per edge: index in `points`, change of slope, change of constant."""


def capped_rate(terms: Terms) -> int:
    """The rate, cut to the incident limit, which changes no payout: a whole second pays no more than the limit."""
    return min(terms.rate_per_second, terms.incident_limit)


def retained_seconds(terms: Terms) -> int:
    """Seconds of an incident that qualifies and that are not paid."""
    return terms.waiting_seconds if terms.semantics is Semantics.RETENTION else 0


def full_seconds(terms: Terms, lump: int) -> int:
    """Fewest seconds that pay the incident limit if `lump` is paid besides, the waiting period aside."""
    return retained_seconds(terms) - (lump - terms.incident_limit) // capped_rate(terms)


def in_year(second: int) -> int:
    """The second, or the end of the year that it lies beyond."""
    return min(max(second, 0), YEAR)


def records(terms: Terms, benefit: int) -> Records:
    """The function of one policy that pays `benefit` besides; lengths that no incident has are left out."""
    rate, limit, waiting = capped_rate(terms), terms.incident_limit, terms.waiting_seconds
    lump = min(benefit, limit)
    full, rises = full_seconds(terms, lump), lump - rate * retained_seconds(terms)
    if full <= waiting + 1:
        pieces = [(waiting + 1, 0, limit)]
    else:
        pieces = [(waiting + 1, rate, rises), (full, -rate, limit - rises)]
    return [piece for piece in pieces if piece[0] <= LONGEST_INCIDENT_SECONDS]


def layout(groups: Sequence[Sequence[InForce]], proven: bool) -> tuple[NDArray[Any], ...]:
    """What the kernels search, for each process's policies, with their failover benefits if `proven`.

    First edge, edges (times), first record of each edge, point, slope, constant, first point, points (lengths), the
    cells that edges and points are found by, the shift that makes a length a cell, place of each process's table (-1:
    it has none), tables: slope and constant after r edges and k points at place + 2 (r (points + 1) + k).
    """
    found = [_subject(group, proven) for group in groups]
    time_cells = np.zeros((len(found), TIME_CELLS + 1), np.int32)
    length_cells = np.zeros((len(found), LENGTH_CELLS + 2), np.int32)
    shifts, places = np.zeros(len(found), np.int64), np.full(len(found), -1, np.int64)
    tables: list[I64] = []
    for i, each in enumerate(found):
        time_cells[i] = np.searchsorted(each.edges, np.arange(TIME_CELLS + 1) << TIME_SHIFT, side="right")
        longest = int(each.points[-1]) if each.points.size else 1
        shifts[i] = max(0, longest.bit_length() - (LENGTH_CELLS.bit_length() - 1))
        starts = np.arange(LENGTH_CELLS + 2, dtype=np.int64) << shifts[i]
        length_cells[i] = np.searchsorted(each.points, starts, side="right")
        if 2 * (each.edges.size + 1) * (each.points.size + 1) <= LARGEST_TABLE:
            places[i] = sum(table.size for table in tables)
            tables.append(_table(each))
    rows = [row for each in found for changes in each.changes for row in changes]
    flat = np.array(rows, np.int64).reshape(-1, 3)
    none = np.zeros(0, np.int64)
    return (
        firsts([each.edges.size for each in found]),
        np.concatenate([none, *(each.edges for each in found)]),
        firsts([len(changes) for each in found for changes in each.changes]),
        *(np.ascontiguousarray(flat[:, k]) for k in range(3)),
        firsts([each.points.size for each in found]),
        np.concatenate([none, *(each.points for each in found)]),
        time_cells,
        length_cells,
        shifts,
        places,
        np.concatenate([none, *tables]),
    )


def _subject(group: Sequence[InForce], proven: bool) -> _Subject:
    changes: dict[int, Records] = {}
    for start, end, terms in group:
        start, end = in_year(start), in_year(end)
        pieces = records(terms, terms.failover_benefit if proven else 0)
        if start < end and pieces:
            changes.setdefault(start, []).extend(pieces)
            changes.setdefault(end, []).extend((at, -slope, -constant) for at, slope, constant in pieces)
    edges = sorted(changes)
    points = sorted({at for pieces in changes.values() for at, _, _ in pieces})
    index = {at: k for k, at in enumerate(points)}
    indexed = [[(index[at], _wrapped(s), _wrapped(c)) for at, s, c in changes[edge]] for edge in edges]
    return _Subject(np.array(edges, np.int64), np.array(points, np.int64), indexed)


def _table(subject: _Subject) -> I64:
    """Slope and constant in force after each number of edges and points, in whole numbers modulo 2^64."""
    table = np.zeros((subject.edges.size + 1, subject.points.size + 1, 2), np.int64)
    for r, changes in enumerate(subject.changes):
        for k, slope, constant in changes:
            table[r + 1, k + 1] += np.array([slope, constant])
    return table.cumsum(axis=0).cumsum(axis=1).ravel()


def _wrapped(value: int) -> int:
    """`value` modulo 2^64, as int64 has it."""
    return (value + INT64_BOUND) % (2 * INT64_BOUND) - INT64_BOUND


def firsts(sizes: Sequence[int]) -> I64:
    """Where each of consecutive pieces of these sizes begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)
