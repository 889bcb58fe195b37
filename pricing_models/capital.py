"""What the pool's years say of capital: tail measures with their errors, who causes the tail, and single scenarios.

Years of one block share their parameters, so they are not independent: every error is estimated over blocks. Money is
whole units; averages of it are exact fractions, so that shares add up to what they are shares of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.portfolio import Book, Cover
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

LEVEL = 0.995
"""Of VaR and TVaR over one year."""
PERIODS = (2, 5, 10, 25, 50, 100, 200, 250, 500, 1_000, 10_000)
STORED_SHARE = 0.02
"""Of the years, the worst, whose outages are kept to price candidates."""
_TRACED_YEARS = 2_000
_INT64_BOUND = 2**63


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error over blocks."""

    value: float
    error: float


@dataclass(frozen=True)
class Tail:
    """The worst years at a level: `years` in whole, and `part` of the year `last` that the level cuts through.

    Of equal years the earlier comes first. `last` is -1 when the level cuts between two years.
    """

    level: float
    years: I64
    last: int
    part: Fraction

    @property
    def size(self) -> Fraction:
        """How many years the tail is, (1 - level) x all of them."""
        return len(self.years) + self.part


@dataclass(frozen=True)
class Risk:
    """The pool's loss over one year: mean, standard deviation, VaR and TVaR, in asset units."""

    years: int
    mean: Estimate
    sd: float
    var: Estimate
    tvar: Estimate


@dataclass(frozen=True)
class Ruin:
    """Probability that a year's payouts exceed what the pool holds, and by how much then (0 if they never do)."""

    probability: Estimate
    shortfall: float


@dataclass(frozen=True)
class Allocation:
    """TVaR in shares E[X_i | tail]: by policy, by insured subject, and by the process that began the outage.

    Each adds up to `tvar` exactly. An outage united of several counts for the one that began first.
    """

    tvar: Fraction
    policies: Mapping[str, Fraction]
    subjects: Mapping[str, Fraction]
    causes: Mapping[str, Fraction]


@dataclass(frozen=True)
class ScenarioLoss:
    """What the book pays in one stated course of events: in all, by subject, by policy (those that are paid)."""

    total: int
    subjects: Mapping[str, int]
    policies: Mapping[str, int]


def _require_years(totals: I64) -> int:
    if totals.size < 2 * BLOCK_YEARS or totals.size % BLOCK_YEARS:
        raise InvalidData(f"totals hold {totals.size} years: must be whole blocks of {BLOCK_YEARS}, at least two")
    return int(totals.size)


def tail(totals: I64, level: float = LEVEL) -> Tail:
    """The worst 1 - `level` of the years; raises `InvalidData` unless that is at least one year."""
    if not 0.0 < level < 1.0:
        raise InvalidData(f"level is {level}: must be between 0 and 1")
    size = (1 - Fraction(repr(level))) * int(totals.size)
    if size < 1:
        raise InvalidData(f"level {level} leaves less than one of {totals.size} years: simulate more years")
    whole = int(size)
    order = np.lexsort((np.arange(totals.size), -totals))[: whole + 1]
    part = size - whole
    return Tail(level, order[:whole].astype(np.int64), int(order[whole]) if part else -1, part)


def _total(totals: I64, years: I64) -> int:
    """Exact, whatever the size."""
    return sum(totals[years].tolist())


def value_at_risk(totals: I64, level: float = LEVEL) -> int:
    """The least amount that at least `level` of the years don't exceed."""
    if not 0.0 < level < 1.0:
        raise InvalidData(f"level is {level}: must be between 0 and 1")
    place = -int(-(Fraction(repr(level)) * int(totals.size)) // 1) - 1
    return int(np.partition(totals, place)[place])


def tail_value_at_risk(totals: I64, level: float = LEVEL) -> Fraction:
    """Mean of the worst 1 - `level` of the years, a year that the level cuts through in part."""
    worst = tail(totals, level)
    rest = worst.part * int(totals[worst.last]) if worst.part else 0
    return (_total(totals, worst.years) + rest) / worst.size


def _over_blocks(values: F64) -> Estimate:
    """Mean of per-year figures and its standard error, blocks being the independent ones."""
    means = values.reshape(-1, BLOCK_YEARS).mean(axis=1)
    return Estimate(float(means.mean()), float(means.std(ddof=1) / np.sqrt(means.size)))


def risk(totals: I64, level: float = LEVEL) -> Risk:
    """Mean, VaR and TVaR with standard errors over blocks.

    VaR's is half the distance between the quantiles one standard error (of the share of years above it) to either
    side; TVaR's is that of its influence function VaR + (X - VaR)+ / (1 - level).
    """
    years = _require_years(totals)
    var, tvar = value_at_risk(totals, level), tail_value_at_risk(totals, level)
    share = _over_blocks((totals > var).astype(float)).error
    reach = round(share * years)
    place = -int(-(Fraction(repr(level)) * years) // 1) - 1
    low, high = max(0, place - reach), min(years - 1, place + reach)
    around = np.partition(totals, (low, high))
    influence = _over_blocks(np.maximum(totals - var, 0) / (1.0 - level))
    return Risk(
        years,
        _over_blocks(totals.astype(float)),
        float(totals.std()),
        Estimate(float(var), (float(around[high]) - float(around[low])) / 2.0),
        Estimate(float(tvar), influence.error),
    )


def ruin(totals: I64, pool: int) -> Ruin:
    """Whether the pool of this size can pay a year's claims, and what is missing when it can't."""
    _require_years(totals)
    if pool < 0:
        raise InvalidData(f"pool is {pool}: must be at least 0")
    short = totals[totals > pool]
    shortfall = float(Fraction(sum(short.tolist()), short.size) - pool) if short.size else 0.0
    return Ruin(_over_blocks((totals > pool).astype(float)), shortfall)


def return_periods(losses: I64, periods: Sequence[int] = PERIODS) -> dict[int, int]:
    """The amount reached or passed once in so many years on average; periods longer than the run are left out."""
    return {each: value_at_risk(losses, 1.0 - 1.0 / each) for each in periods if each <= losses.size}


# Years outage by outage


def _chunks(book: Book, years: I64) -> list[I64]:
    """`years` in pieces that a trace can hold and whose sums stay below 2^63."""
    most = max(1, sum(cover.terms.aggregate_limit for cover in book.covers))
    size = max(1, min(_TRACED_YEARS, (_INT64_BOUND - 1) // most))
    return [years[at : at + size] for at in range(0, len(years), size)]


def occurrences(book: Book, seed: int, years: int) -> I64:
    """The largest payout of one event in each of the first `years` years of a run.

    An event is an outage with all that it was passed on to, aggregate limits used up in order of time.
    """
    largest = np.zeros(years, np.int64)
    for chunk in _chunks(book, np.arange(years)):
        rows = book.trace(seed, chunk)
        if not len(rows):
            continue
        amounts, _ = book.settle(rows)
        order = np.lexsort((rows[:, 6], rows[:, 5], rows[:, 0]))
        keys = rows[order][:, [0, 5, 6]]
        begins = np.append(0, np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1)
        np.maximum.at(largest, keys[begins, 0], np.add.reduceat(amounts[order], begins))
    return largest


def allocate(book: Book, seed: int, totals: I64, level: float = LEVEL) -> Allocation:
    """TVaR in Euler's shares, from the outages of the tail's years, which are drawn again.

    `totals` must be the run of `book` with `seed` from block 0 on; raises `InvalidData` when it is not.
    """
    worst = tail(totals, level)
    names = book.world.order
    policies = dict.fromkeys((cover.id for cover in book.covers), Fraction(0))
    subjects: dict[str, Fraction] = dict.fromkeys(sorted({cover.subject for cover in book.covers}), Fraction(0))
    causes: dict[str, Fraction] = {}
    pieces = [(chunk, Fraction(1)) for chunk in _chunks(book, np.sort(worst.years))]
    if worst.part:
        pieces.append((np.array([worst.last]), worst.part))
    for years, weight in pieces:
        rows = book.trace(seed, years)
        by_row, by_policy = book.settle(rows)
        if int(by_row.sum()) != _total(totals, years):
            raise InvalidData(f"totals are not the run of this book with seed {seed} from block 0 on")
        share = weight / worst.size
        for cover, amount in zip(book.covers, by_policy.tolist(), strict=True):
            policies[cover.id] += share * amount
        for column, into in ((1, subjects), (5, causes)):
            for index in np.unique(rows[:, column]).tolist():
                amount = int(by_row[rows[:, column] == index].sum())
                into[names[index]] = into.get(names[index], Fraction(0)) + share * amount
    return Allocation(tail_value_at_risk(totals, level), policies, subjects, causes)


@dataclass(frozen=True)
class Marginal:
    """VaR and TVaR of the pool without and with a candidate policy; `replayed` if all years had to be looked at."""

    tvar: Fraction
    tvar_with: Fraction
    var: int
    var_with: int
    replayed: bool

    @property
    def capital(self) -> Fraction:
        """What the candidate adds to TVaR."""
        return self.tvar_with - self.tvar


@dataclass(frozen=True)
class StoredTail:
    """A run's worst years with their outages, on which candidates are priced exactly and at once."""

    book: Book
    seed: int
    totals: I64
    level: float
    years: I64
    rows: Mapping[str, NDArray[np.uint32]]
    tvar: Fraction
    var: int

    def marginal(self, candidate: Cover) -> Marginal:
        """What one more policy does to the pool's tail, exact on this run.

        The stored years are enough unless the candidate could lift a year that is not stored into the tail; then its
        subject is simulated again. Raises as `Book` does when the candidate can't join the book.
        """
        single = Book((candidate,), self.book.world)
        if candidate.id in {cover.id for cover in self.book.covers}:
            raise InvalidData(f"candidate {candidate.id!r} is already in the book: give it another id")
        limits = candidate.terms.aggregate_limit + sum(cover.terms.aggregate_limit for cover in self.book.covers)
        if limits >= _INT64_BOUND:
            raise InvalidData(f"with candidate {candidate.id!r} the aggregate limits reach {limits}: the bound is 2^63")
        exact = self._from_stored(single)
        if exact is not None:
            return exact
        totals = self.totals + single.simulate(self.seed, 0, self.totals.size // BLOCK_YEARS)
        after = tail_value_at_risk(totals, self.level)
        return Marginal(self.tvar, after, self.var, value_at_risk(totals, self.level), True)

    def _from_stored(self, single: Book) -> Marginal | None:
        candidate = single.covers[0]
        rows = self.rows.get(candidate.subject)
        if rows is None:  # nobody is covered there yet, so that its outages were not stored
            return None
        amounts, _ = single.settle(rows)
        lifted = self.totals[self.years]
        np.add.at(lifted, np.searchsorted(self.years, rows[:, 0]), amounts)
        size = (1 - Fraction(repr(self.level))) * int(self.totals.size)
        whole = int(size)
        worst = np.sort(lifted)[::-1][: whole + 1]
        outside = self._most_outside() + candidate.terms.aggregate_limit
        if self.years.size < self.totals.size and (worst.size <= whole or outside > int(worst[whole])):
            return None
        rest = (size - whole) * int(worst[whole]) if size > whole else 0
        after = (sum(worst[:whole].tolist()) + rest) / size
        # the level's quantile is the worst of the years that are not wholly in the tail
        return Marginal(self.tvar, after, self.var, int(worst[whole]), False)

    def _most_outside(self) -> int:
        """The largest total of a year that is not stored: none exceeds the least one that is."""
        return int(self.totals[self.years].min())


def store_tail(book: Book, seed: int, totals: I64, level: float = LEVEL, share: float = STORED_SHARE) -> StoredTail:
    """Keep the outages of the worst `share` of a run's years; it must be at least the tail's 1 - level."""
    if not 1.0 - level < share <= 1.0:
        raise InvalidData(f"share is {share}: must be above 1 - level = {1.0 - level:.4g} and at most 1")
    years = np.sort(tail(totals, 1.0 - share).years if share < 1.0 else np.arange(totals.size))
    names = book.world.order
    pieces: dict[str, list[NDArray[np.uint32]]] = {cover.subject: [] for cover in book.covers}
    for chunk in _chunks(book, years):
        rows = book.trace(seed, chunk)
        for i in np.unique(rows[:, 1]).tolist():
            # what settles needs, in half the memory: no length reaches 2^32
            pieces[names[i]].append(rows[rows[:, 1] == i, :5].astype(np.uint32))
    empty = np.zeros((0, 5), np.uint32)
    by_subject = {subject: np.concatenate([empty, *found]) for subject, found in pieces.items()}
    var, tvar = value_at_risk(totals, level), tail_value_at_risk(totals, level)
    return StoredTail(book, seed, totals, level, years, by_subject, tvar, var)


# Stated courses of events


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
