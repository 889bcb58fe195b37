"""The years of a book by numpy alone, a second opinion on the kernels: block by block, policy by policy.

It draws the same numbers by the same sums as the kernels and counts money in whole units, so that its tolerance is
nought: every year is equal to the unit. It is much slower.
"""

import numpy as np
from numpy.typing import NDArray

from pricing_models.payoff import LONGEST_INCIDENT_SECONDS
from pricing_models.portfolio import Book, require_run
from pricing_models.simulate import draws, reference
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR
from pricing_models.world import World

I64 = NDArray[np.int64]
Outages = tuple[I64, I64]
"""Starts within the block and lengths."""

_APART = 2**34
"""Seconds put between years: more than an outage can last."""
_SAFE = 2**48
"""Aggregate limits below this can't overflow in the sums of a year."""


def simulate(book: Book, seed: int, first_block: int, blocks: int) -> I64:
    """`Book.simulate`, without the kernels."""
    key = require_run(seed, first_block, blocks)
    years = [_block(book, key, block) for block in range(first_block, first_block + blocks)]
    return np.concatenate(years)


def _block(book: Book, key: reference.Key, block: int) -> I64:
    totals = np.zeros(BLOCK_YEARS, np.int64)
    found: dict[str, Outages] = {}
    first = book.policies[0]
    for i, name in enumerate(book.world.order):
        if not book.needed[i]:
            continue
        found[name] = _unite(*_gathered(book.world, name, found, key, block))
        if first[i + 1] > first[i]:
            starts, lengths = found[name]
            totals += _paid(book, i, starts, lengths, _proven(book.world, name, starts.size, key, block))
    return totals


def _gathered(world: World, name: str, found: dict[str, Outages], key: reference.Key, block: int) -> Outages:
    """A process's own outages and those passed on to it."""
    starts, lengths = reference.own_arrays(world, name, block, key)
    for link in world.links:
        if link.subject == name and link.pass_through > 0.0:
            their_starts, their_lengths = found[link.cause]
            purpose = int(draws.PASS_ON) + world.stream[link.cause]
            coins = reference.words(their_starts.size // 4 + 1, purpose, world.stream[name], block, key)
            passed = coins[: their_starts.size] < round(link.pass_through * 2**32)
            starts = np.append(starts, their_starts[passed])
            lengths = np.append(lengths, their_lengths[passed])
    return starts, lengths


def _unite(starts: I64, lengths: I64) -> Outages:
    """Outages that overlap or touch and begin in one year as one: groups begin where nobody has reached before."""
    if not starts.size:
        return starts, lengths
    order = np.lexsort((lengths, starts))
    starts, apart = starts[order], starts[order] // YEAR * _APART
    ends = starts + lengths[order]
    reached = np.maximum.accumulate(ends + apart)
    begins = np.append(True, (starts + apart)[1:] > reached[:-1])
    last = np.append(np.flatnonzero(begins)[1:] - 1, starts.size - 1)
    united = (reached - apart)[last] - starts[begins]
    return starts[begins], np.minimum(united, draws.LONGEST)


def _proven(world: World, name: str, count: int, key: reference.Key, block: int) -> NDArray[np.bool_]:
    coins = reference.words(count // 4 + 1, int(draws.FAILOVER), world.stream[name], block, key)[:count]
    return coins < round(world.failover_probability * 2**32)


def _paid(book: Book, i: int, starts: I64, lengths: I64, proven: NDArray[np.bool_]) -> I64:
    """What the outages of one subject pay to its policies in each year of the block."""
    years, seconds = np.divmod(starts, YEAR)
    totals = np.zeros(BLOCK_YEARS, np.int64)
    for columns in book.policies[13][book.policies[0][i] : book.policies[0][i + 1]].tolist():
        hit = (columns[0] <= seconds) & (seconds < columns[1])
        kind = np.int64 if columns[7] < _SAFE else object  # Python's own whole numbers where sums could overflow
        sums = np.zeros(BLOCK_YEARS, kind)
        np.add.at(sums, years[hit], _of_outages(columns, seconds[hit], lengths[hit], proven[hit]).astype(kind))
        totals += np.minimum(sums, columns[7]).astype(np.int64)
    return totals


def _of_outages(columns: list[int], seconds: I64, lengths: I64, proven: NDArray[np.bool_]) -> I64:
    """What outages that begin while a policy is in force pay to it, each cut to its aggregate limit."""
    week, aggregate = LONGEST_INCIDENT_SECONDS, columns[7]
    first = _of_incidents(columns, np.minimum(lengths, week), proven)
    later = np.maximum(np.minimum(lengths, columns[1] - seconds) - 1, 0) // week
    never = np.zeros(1, np.bool_)
    whole = int(_of_incidents(columns, np.array([week]), never)[0])
    rest = _of_incidents(columns, np.minimum(lengths - later * week, week), never)
    # no more whole incidents than use the aggregate limit up, so that nothing overflows
    middle = np.minimum(np.maximum(later - 1, 0), aggregate // whole if whole else 0) * whole
    total = np.minimum(first, aggregate)
    for part in (middle, np.where(later > 0, rest, 0)):
        total = total + np.minimum(part, aggregate - total)
    return total


def _of_incidents(columns: list[int], seconds: I64, proven: NDArray[np.bool_]) -> I64:
    _, _, waiting, retained, rate, benefit, limit, _, _, full, full_proven = columns
    level = seconds >= np.where(proven, full_proven, full)
    rising = rate * np.where(level, 0, seconds - retained) + np.where(proven, benefit, 0)
    return np.where(seconds <= waiting, 0, np.where(level, limit, rising))
