"""What a book pays in one stated course of events: a cause that stops with all that it can stop, or given halts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book
from pricing_models.simulate.outages import YEAR


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


def if_halted(book: Book, halts: Sequence[tuple[str, int, int]], failover: bool = True) -> ScenarioLoss:
    """What the book pays for these halts (subject, second of the year, seconds), overlaps of a subject united.

    Raises `UnknownSubject`, or `InvalidData` for a halt outside the year or without length.
    """
    by_subject: dict[str, list[tuple[int, int]]] = {}
    for row, (subject, start, seconds) in enumerate(halts):
        if subject not in book.world.place:
            raise UnknownSubject(f"halt {row}: {subject!r} is neither a subject nor a common cause of this world")
        if not 0 <= start < YEAR:
            raise InvalidData(f"halt {row} of {subject}: starts at {start}, must be at least 0 and below {YEAR}")
        if not 1 <= seconds < 2**32:
            raise InvalidData(f"halt {row} of {subject}: lasts {seconds} s, must be at least 1 and below 2^32")
        by_subject.setdefault(subject, []).append((start, start + seconds))
    place = book.world.place
    rows = [
        (0, place[subject], start, min(end - start, 2**32 - 1), int(failover), place[subject], 0)
        for subject in sorted(by_subject, key=lambda each: place[each])
        for start, end in _united(by_subject[subject])
    ]
    table = np.array(rows, np.int64).reshape(-1, 7)
    by_row, by_policy = book.settle(table)
    subjects = {
        subject: int(by_row[table[:, 1] == place[subject]].sum())
        for subject in by_subject
        if any(cover.subject == subject for cover in book.covers)
    }
    paid = {cover.id: amount for cover, amount in zip(book.covers, by_policy.tolist(), strict=True) if amount}
    return ScenarioLoss(int(by_row.sum()), subjects, paid)


def _united(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
