"""Who and what causes the tail: years outage by outage, the largest event of a year, and TVaR in shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pricing_models.capital import LEVEL, PERIODS, STORED_SHARE, tail, tail_value_at_risk, total_of
from pricing_models.errors import InvalidData
from pricing_models.payoff import INT64_BOUND
from pricing_models.portfolio import Book

I64 = NDArray[np.int64]

FIRST_YEARS = 20_000
"""Of a run, all outages of which are looked at for the short return periods of events."""
_TRACED_YEARS = 2_000


@dataclass(frozen=True)
class Allocation:
    """TVaR in shares E[X_i | tail]: by policy, by insured subject, and by the process that began the outage.

    Each adds up to `tvar` exactly. An outage united of several counts for the one that began first.
    """

    tvar: Fraction
    policies: Mapping[str, Fraction]
    subjects: Mapping[str, Fraction]
    causes: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What one event's payout reaches once in a return period, and how many years of the run that rests on."""

    amount: int
    years: int


def chunks(book: Book, years: I64) -> list[I64]:
    """`years` in pieces that a trace can hold and whose sums stay below 2^63."""
    most = max(1, sum(cover.terms.aggregate_limit for cover in book.covers))
    size = max(1, min(_TRACED_YEARS, (INT64_BOUND - 1) // most))
    return [years[at : at + size] for at in range(0, len(years), size)]


def require_run_of(seed: int, totals: I64, years: I64, paid: int) -> None:
    """Raises `InvalidData` unless these years of `totals` add up to what their outages, drawn again, have `paid`."""
    if paid != total_of(totals, years):
        raise InvalidData(f"totals are not the run of this book with seed {seed} from block 0 on")


def occurrences(book: Book, seed: int, years: I64) -> I64:
    """The largest payout of one event in each of these years of a run (numbers from 0).

    An event is an outage with all that it was passed on to, aggregate limits used up in order of time.
    """
    largest = np.zeros(years.size, np.int64)
    order = np.argsort(years)
    for chunk in chunks(book, years[order]):
        rows = book.trace(seed, chunk)
        if not len(rows):
            continue
        amounts, _ = book.settle(rows)
        by_event = np.lexsort((rows[:, 6], rows[:, 5], rows[:, 0]))
        keys = rows[by_event][:, [0, 5, 6]]
        begins = np.append(0, np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1)
        places = order[np.searchsorted(years, keys[begins, 0], sorter=order)]
        np.maximum.at(largest, places, np.add.reduceat(amounts[by_event], begins))
    return largest


def occurrence_curve(
    book: Book,
    seed: int,
    totals: I64,
    periods: Sequence[int] = PERIODS,
    share: float = STORED_SHARE,
    first_years: int = FIRST_YEARS,
) -> dict[int, Occurrence]:
    """The event payout reached or passed once in so many years on average, by return period.

    No event pays more than its year. So an event payout at least as large as the year total at which the worst `share`
    of the years begins is ranked among all years by looking at these only, and the curve is that of the whole run
    there; below it rests on the first `first_years`, and what these are too few for is left out.
    """
    worst = tail(totals, 1.0 - share).years if share < 1.0 else np.arange(totals.size)
    largest = np.sort(occurrences(book, seed, worst))[::-1]
    threshold = int(totals[worst].min())
    first = np.sort(occurrences(book, seed, np.arange(min(first_years, totals.size))))
    curve: dict[int, Occurrence] = {}
    for period in periods:
        above = totals.size - _place(period, totals.size) - 1
        if period <= totals.size and above < largest.size and largest[above] >= threshold:
            curve[period] = Occurrence(int(largest[above]), int(totals.size))
        elif period <= first.size:
            curve[period] = Occurrence(int(first[_place(period, first.size)]), int(first.size))
    return curve


def _place(period: int, years: int) -> int:
    """Index, in ascending order, of the year that is reached or passed once in `period` years."""
    return -(-(period - 1) * years // period) - 1


def allocate(book: Book, seed: int, totals: I64, level: float = LEVEL) -> Allocation:
    """TVaR in Euler's shares, from the outages of the tail's years, which are drawn again.

    `totals` must be the run of `book` with `seed` from block 0 on; raises `InvalidData` when it is not.
    """
    worst = tail(totals, level)
    names = book.world.order
    policies = dict.fromkeys((cover.id for cover in book.covers), Fraction(0))
    subjects: dict[str, Fraction] = dict.fromkeys(sorted({cover.subject for cover in book.covers}), Fraction(0))
    causes: dict[str, Fraction] = {}
    pieces = [(chunk, Fraction(1)) for chunk in chunks(book, np.sort(worst.years))]
    if worst.part:
        pieces.append((np.array([worst.last]), worst.part))
    for years, weight in pieces:
        rows = book.trace(seed, years)
        by_row, by_policy = book.settle(rows)
        require_run_of(seed, totals, years, int(by_row.sum()))
        share = weight / worst.size
        for cover, amount in zip(book.covers, by_policy.tolist(), strict=True):
            policies[cover.id] += share * amount
        for column, into in ((1, subjects), (5, causes)):
            sums = np.zeros(len(names), np.int64)
            np.add.at(sums, rows[:, column], by_row)
            for index in np.unique(rows[:, column]).tolist():
                into[names[index]] = into.get(names[index], Fraction(0)) + share * int(sums[index])
    return Allocation(tail_value_at_risk(totals, level), policies, subjects, causes)
