"""What one more policy adds to the pool's tail: exact on a run's worst years, whose outages are kept."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from pricing_models.allocation import chunks, require_run_of
from pricing_models.capital import LEVEL, STORED_SHARE, tail, tail_size, tail_value_at_risk, value_at_risk
from pricing_models.errors import InvalidData
from pricing_models.payoff import INT64_BOUND, Semantics, Terms
from pricing_models.portfolio import Book, Cover
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR
from pricing_models.simulate.trace import settle_years

I64 = NDArray[np.int64]


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
    """A run's worst years with their outages, on which candidates are priced exactly and at once.

    `rows` holds the outages of these years by subject, of covered subjects from the start and of others once asked for.
    """

    book: Book
    seed: int
    totals: I64
    level: float
    years: I64
    rows: dict[str, NDArray[np.uint32]]
    tvar: Fraction
    var: int

    @cached_property
    def version(self) -> str:
        """Names the book, its world and the run: what is worked out for one version holds for no other."""
        run = f"{self.book.version}|{self.seed}|{self.totals.size}|{self.level}|{self.years.size}"
        return sha256(run.encode()).hexdigest()[:16]

    @cached_property
    def room(self) -> int:
        """The largest aggregate limit of a candidate that surely lifts no year that is not stored into the tail."""
        size = int(tail_size(int(self.totals.size), self.level))
        stored = np.sort(self.totals[self.years])[::-1]
        return int(stored[min(size, stored.size - 1)]) - self._most_outside()

    def rows_of(self, subject: str) -> NDArray[np.uint32]:
        """The outages of a subject in the stored years; raises `UnknownSubject`."""
        if subject not in self.rows:
            terms = Terms(0, Semantics.RETENTION, 1, 0, 1, 1)
            alone = Book((Cover("any", subject, terms, 0, YEAR),), self.book.world)
            self.rows[subject] = alone.trace(self.seed, self.years)[:, :5].astype(np.uint32)
        return self.rows[subject]

    def marginal(self, candidate: Cover) -> Marginal:
        """What one more policy does to the pool's tail, exact on this run.

        The stored years are enough unless the candidate could lift a year that is not stored into the tail; then its
        subject is simulated again. Raises as `Book` does when the candidate can't join the book.
        """
        single = Book((candidate,), self.book.world)
        if candidate.id in {cover.id for cover in self.book.covers}:
            raise InvalidData(f"candidate {candidate.id!r} is already in the book: give it another id")
        limits = candidate.terms.aggregate_limit + sum(cover.terms.aggregate_limit for cover in self.book.covers)
        if limits >= INT64_BOUND:
            raise InvalidData(f"with candidate {candidate.id!r} the aggregate limits reach {limits}: the bound is 2^63")
        exact = self._from_stored(single)
        if exact is not None:
            return exact
        totals = self.totals + single.simulate(self.seed, 0, self.totals.size // BLOCK_YEARS)
        after = tail_value_at_risk(totals, self.level)
        return Marginal(self.tvar, after, self.var, value_at_risk(totals, self.level), True)

    def _from_stored(self, single: Book) -> Marginal | None:
        candidate = single.covers[0]
        rows = self.rows_of(candidate.subject)
        paid = np.zeros((1, self.years.size), np.int64)
        settle_years(rows, single.policies[13], np.searchsorted(self.years, rows[:, 0]), paid)
        lifted = self.totals[self.years] + paid[0]
        size = tail_size(int(self.totals.size), self.level)
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
    """Keep the outages of the worst `share` of a run's years; it must be at least the tail's 1 - level.

    `totals` must be the run of `book` with `seed` from block 0 on; raises `InvalidData` when the years that are looked
    at first are not.
    """
    if not 1.0 - level < share <= 1.0:
        raise InvalidData(f"share is {share}: must be above 1 - level = {1.0 - level:.4g} and at most 1")
    years = np.sort(tail(totals, 1.0 - share).years if share < 1.0 else np.arange(totals.size))
    names = book.world.order
    pieces: dict[str, list[NDArray[np.uint32]]] = {cover.subject: [] for cover in book.covers}
    for number, chunk in enumerate(chunks(book, years)):
        # what settles needs, in half the memory: no length reaches 2^32
        traced = book.trace(seed, chunk)
        if number == 0:
            require_run_of(seed, totals, chunk, int(book.settle(traced)[0].sum()))
        rows = traced[:, :5].astype(np.uint32)
        rows = rows[np.argsort(rows[:, 1], kind="stable")]
        found, begins = np.unique(rows[:, 1], return_index=True)
        for i, piece in zip(found.tolist(), np.split(rows, begins[1:]), strict=False):
            pieces[names[i]].append(piece)
    empty = np.zeros((0, 5), np.uint32)
    by_subject = {subject: np.concatenate([empty, *found]) for subject, found in pieces.items()}
    var, tvar = value_at_risk(totals, level), tail_value_at_risk(totals, level)
    return StoredTail(book, seed, totals, level, years, by_subject, tvar, var)
