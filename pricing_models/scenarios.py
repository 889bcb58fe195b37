"""What a book pays in one stated course of events: a cause that stops with all that it can stop, or given halts.

The loss takes every pass-through and every failover as certain. The expected loss takes them at the world's chances:
what the course of events leaves open is judgement, and a world holds one end of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book
from pricing_models.simulate.draws import LONGEST
from pricing_models.simulate.outages import YEAR
from pricing_models.world import World

Halt = tuple[str, int, int]
"""Subject, second of the year, seconds."""
_MOST_APART = 12
_MOST_PASSING = 12


@dataclass(frozen=True)
class ScenarioLoss:
    """What the book pays in one stated course of events: in all, by subject, by policy (those that are paid)."""

    total: int
    subjects: Mapping[str, int]
    policies: Mapping[str, int]


def if_stopped(book: Book, cause: str, seconds: int, at: int, failover: bool = True) -> ScenarioLoss:
    """What the book pays if `cause` stops at second `at` of the year, and with it, as long, all that it can stop.

    Every pass-through is taken as certain, and so is a failover unless told otherwise: the worst of this cause.
    """
    return if_halted(book, [(each, at, seconds) for each in book.world.stopped_by(cause)], failover)


def if_halted(book: Book, halts: Sequence[Halt], failover: bool = True) -> ScenarioLoss:
    """What the book pays for these halts, overlaps of a subject united.

    Raises `UnknownSubject`, or `InvalidData` for a halt outside the year or without length.
    """
    place = book.world.place
    rows = [
        row
        for subject, spans in _spans(book, halts).items()
        for row in _rows(place[subject], spans, [int(failover)] * len(spans))
    ]
    table = np.array(rows, np.int64).reshape(-1, 7)
    by_row, by_policy = book.settle(table)
    covered = {cover.subject for cover in book.covers}
    subjects = {
        subject: int(by_row[table[:, 1] == place[subject]].sum())
        for subject in dict.fromkeys(each for each, _, _ in halts)
        if subject in covered
    }
    paid = {cover.id: amount for cover, amount in zip(book.covers, by_policy.tolist(), strict=True) if amount}
    return ScenarioLoss(int(by_row.sum()), subjects, paid)


def expected_if_stopped(book: Book, cause: str, seconds: int, at: int) -> Fraction:
    """`if_stopped` with what is passed on, and failovers, at the chances of the book's world."""
    chances = stopping_chances(book.world, cause)
    return _expected(book, [(each, at, seconds) for each in chances], chances)


def expected_if_halted(book: Book, halts: Sequence[Halt]) -> Fraction:
    """`if_halted` with failovers at the chance of the book's world, each halt's its own."""
    return _expected(book, halts, {})


def stopping_chances(world: World, cause: str) -> dict[str, Fraction]:
    """With what probability each process stops when `cause` does, the links independent.

    Exact: in the order of the world, over all sets of stopped processes that may stop others. Raises `UnknownSubject`,
    and `InvalidData` when these are too many to go through.
    """
    touched = world.stopped_by(cause)
    passing = {link.cause for link in world.links if link.subject in touched}
    if len(passing & set(touched)) > _MOST_PASSING:
        raise InvalidData(
            f"{cause} stops more than {_MOST_PASSING} causes of others: too many to tell what is expected"
        )
    chances, sets = {cause: Fraction(1)}, {frozenset({cause}): Fraction(1)}
    for each in touched[1:]:
        links = [link for link in world.links if link.subject == each]
        after: dict[frozenset[str], Fraction] = {}
        chances[each] = Fraction(0)
        for stopped, weight in sets.items():
            closed = (1 - Fraction(link.pass_through) for link in links if link.cause in stopped)
            spared = prod(closed, start=Fraction(1))
            chances[each] += weight * (1 - spared)
            for then, share in ((stopped | {each}, 1 - spared), (stopped, spared)):
                if share:
                    after[then] = after.get(then, Fraction(0)) + weight * share
        sets = after if each in passing else sets
    return chances


def _expected(book: Book, halts: Sequence[Halt], chances: Mapping[str, Fraction]) -> Fraction:
    """Each subject's payout over all ways in which its failovers are proven or not."""
    place, proven, total = book.world.place, Fraction(book.world.failover_probability), Fraction(0)
    for subject, spans in _spans(book, halts).items():
        if len(spans) > _MOST_APART:
            raise InvalidData(f"{subject} has {len(spans)} halts apart: expectations are for at most {_MOST_APART}")
        for ways in product((0, 1), repeat=len(spans)):
            odds = prod((proven if way else 1 - proven for way in ways), start=chances.get(subject, Fraction(1)))
            rows = np.array(_rows(place[subject], spans, ways), np.int64)
            total += odds * int(book.settle(rows)[0].sum())
    return total


def _rows(process: int, spans: Sequence[tuple[int, int]], proven: Sequence[int]) -> list[tuple[int, ...]]:
    """The halts of a process in one year as a trace has them."""
    return [
        (0, process, start, min(end - start, LONGEST), way, process, 0)
        for (start, end), way in zip(spans, proven, strict=True)
    ]


def _spans(book: Book, halts: Sequence[Halt]) -> dict[str, list[tuple[int, int]]]:
    """(start, end) of each subject's halts, overlaps united, subjects in the world's order."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row, (subject, start, seconds) in enumerate(halts):
        if subject not in book.world.place:
            raise UnknownSubject(f"halt {row}: {subject!r} is neither a subject nor a common cause of this world")
        if not 0 <= start < YEAR:
            raise InvalidData(f"halt {row} of {subject}: starts at {start}, must be at least 0 and below {YEAR}")
        if not 1 <= seconds < 2**32:
            raise InvalidData(f"halt {row} of {subject}: lasts {seconds} s, must be at least 1 and below 2^32")
        found.setdefault(subject, []).append((start, start + seconds))
    return {each: _united(found[each]) for each in sorted(found, key=lambda each: book.world.place[each])}


def _united(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
