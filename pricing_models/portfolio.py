"""All policies of a pool against all halts, own and shared: the pool's payout in each of many simulated years.

A year is one possible course of the next twelve months of the book: outages fall anywhere in it, and each policy counts
from its start to its end. A chain that stops for good stays down to the year's end and is back in the next, for years
are alternatives. Years come in blocks of 100 that share one joint draw of the models' parameters. All random numbers of
a block follow from (seed, block), so that a result depends on neither batches nor threads nor machines.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.payoff import INT64_BOUND, SECONDS_BOUND, Terms
from pricing_models.simulate.blocks import run_blocks
from pricing_models.simulate.curves import capped_rate, firsts, full_seconds, in_year, layout, retained_seconds
from pricing_models.simulate.limits import LARGEST_REACH
from pricing_models.simulate.outages import BLOCK_YEARS
from pricing_models.simulate.trace import COLUMNS, settle, trace_blocks
from pricing_models.world import Link, Process, World, coin

__all__ = ["Book", "Cover", "Link", "Plan", "Process", "World", "require_run"]

I64 = NDArray[np.int64]

MOST_BLOCKS = 2**31
_POLICY_COLUMNS = 11


@dataclass(frozen=True, slots=True)
class Cover:
    """One policy: `start` and `end` are seconds from the beginning of the year that is simulated, end excluded."""

    id: str
    subject: str
    terms: Terms
    start: int
    end: int


@dataclass(frozen=True)
class Book:
    """The policies of one pool, laid out for the kernels; it takes memory in proportion to their number.

    Raises `UnknownSubject` and `InvalidData` naming the policy: on a subject that is not of the world, with an end
    before its start, an id that occurs twice, or aggregate limits that together reach 2^63.
    """

    covers: tuple[Cover, ...]
    world: World

    def __post_init__(self) -> None:
        subjects = {process.id for process in self.world.subjects}
        ids = set()
        total = 0
        for row, cover in enumerate(self.covers):
            if cover.subject not in subjects:
                raise UnknownSubject(f"policy {row} ({cover.id}): subject {cover.subject!r} is not of this world")
            if cover.end <= cover.start:
                raise InvalidData(f"policy {row} ({cover.id}): end {cover.end} must be after start {cover.start}")
            if cover.id in ids:
                raise InvalidData(f"policy {row}: id {cover.id!r} occurs twice")
            ids.add(cover.id)
            total += cover.terms.aggregate_limit
            if total >= INT64_BOUND:
                raise InvalidData(
                    f"policy {row} ({cover.id}): the aggregate limits together reach {total}, "
                    "which must be below 2^63: count money in a larger unit"
                )

    @cached_property
    def ordered(self) -> I64:
        """Index in `covers` of the policies as the kernels hold them: by subject, then by seconds to exhaustion."""
        place = self.world.place
        keys = [
            (place[c.subject], c.terms.aggregate_limit // capped_rate(c.terms), i) for i, c in enumerate(self.covers)
        ]
        return np.array([key[2] for key in sorted(keys)], np.int64)

    @cached_property
    def policies(self) -> tuple[I64, ...]:
        """First policy of each process, then per policy: start, end, waiting, seconds retained, rate, benefit,
        incident limit, aggregate limit, reserve = aggregate limit // rate, by which those of a process are sorted, and
        the fewest seconds that pay the incident limit without and with a proven failover; then the policies of each
        process in the order of their starts, and all these columns but the first and this as one table."""
        covers = [self.covers[i] for i in self.ordered]
        counts = np.zeros(len(self.world.order), np.int64)
        for cover in covers:
            counts[self.world.place[cover.subject]] += 1
        table = np.array([_columns(cover) for cover in covers], np.int64).reshape(-1, _POLICY_COLUMNS)
        processes = np.repeat(np.arange(counts.size), counts)
        by_start = np.lexsort((table[:, 0], processes))
        columns = (np.ascontiguousarray(table[:, k]) for k in range(_POLICY_COLUMNS))
        return (firsts(counts.tolist()), *columns, by_start.astype(np.int64), table)

    @cached_property
    def bounds(self) -> tuple[NDArray[Any], ...]:
        """Per process: least waiting, what a reach is less by, longest reach, least reserve, whether a lump is due."""
        first, _, _, waiting, retained, rate, benefit, limit, _, reserve, *_ = self.policies
        n = len(self.world.order)
        least, offset, cap, room = (np.zeros(n, np.int64) for _ in range(4))
        lumps = np.zeros(n, np.bool_)
        for i in range(n):
            own = slice(first[i], first[i + 1])
            if first[i] == first[i + 1]:
                continue
            least[i], room[i] = waiting[own].min(), reserve[own].min()
            cap[i] = min(int((-(-limit[own] // rate[own])).max()), LARGEST_REACH)
            offset[i] = retained[own].min() - (-(-benefit[own] // rate[own])).max()
            lumps[i] = bool((benefit[own] > 0).any())
        return least, offset, cap, room, lumps

    @cached_property
    def curves(self) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        """The payout of each process's policies in force, without and with a proven failover."""
        groups: list[list[tuple[int, int, Terms]]] = [[] for _ in self.world.order]
        for cover in self.covers:
            groups[self.world.place[cover.subject]].append((cover.start, cover.end, cover.terms))
        without = layout(groups, False)
        return without, layout(groups, True) if self.bounds[4].any() else without

    @cached_property
    def needed(self) -> NDArray[np.bool_]:
        """Which processes are covered, or can stop one that is."""
        place, first = self.world.place, self.policies[0]
        found = first[1:] > first[:-1]
        for each in reversed(self.world.order):
            if found[place[each]]:
                for link in self.world.links:
                    if link.subject == each and link.pass_through > 0.0:
                        found[place[link.cause]] = True
        return found

    @cached_property
    def version(self) -> str:
        """Hash of all that the years depend on but the seed."""
        content = sha256(repr((self.covers, self.world.order, self.world.failover_probability)).encode())
        for each in self.world.arrays:
            content.update(each.tobytes())
        return content.hexdigest()[:16]

    @cached_property
    def plan(self) -> "Plan":
        """The book as arrays alone, which other processes can be sent."""
        without, with_lump = self.curves
        chance = coin(self.world.failover_probability)
        return Plan(self.world.arrays, without, with_lump, self.policies, self.bounds, self.needed, chance)

    def simulate(self, seed: int, first_block: int, blocks: int) -> I64:
        """The pool's payout in each of the 100 x `blocks` years from block `first_block` on, in the asset's unit."""
        return self.plan.simulate(seed, first_block, blocks)

    def trace(self, seed: int, years: I64) -> I64:
        """The outages of covered subjects in these years of a run (numbers from 0), a row each: `trace.COLUMNS`.

        They come by block, then by subject in the world's order, then by time.
        """
        chosen = np.unique(np.asarray(years, np.int64))
        if not self.covers or not chosen.size:
            return np.zeros((0, len(COLUMNS)), np.int64)
        key = require_run(seed, int(chosen[0]) // BLOCK_YEARS, 1)
        require_run(seed, int(chosen[-1]) // BLOCK_YEARS, 1)
        blocks, at = np.unique(chosen // BLOCK_YEARS, return_inverse=True)
        wanted = np.zeros(blocks.size * BLOCK_YEARS, np.bool_)
        wanted[at * BLOCK_YEARS + chosen % BLOCK_YEARS] = True
        chance = coin(self.world.failover_probability)
        rows: I64 = trace_blocks(self.world.arrays, self.policies[0], self.needed, chance, key, blocks, wanted)
        return rows

    def settle(self, rows: I64 | NDArray[np.uint32]) -> tuple[I64, I64]:
        """What each row of a trace pays, and each policy in the order of `covers`, over all rows together.

        Raises `InvalidData` when the policies' sums could reach 2^63: settle fewer years at a time.
        """
        most = sum(cover.terms.aggregate_limit for cover in self.covers) * np.unique(rows[:, 0]).size
        if most >= INT64_BOUND:
            raise InvalidData(f"these years could pay up to {most}, which must be below 2^63: settle fewer at a time")
        by_row, by_policy = np.zeros(len(rows), np.int64), np.zeros(len(self.covers), np.int64)
        settle(rows, self.policies, by_row, by_policy)
        in_order = np.zeros_like(by_policy)
        in_order[self.ordered] = by_policy
        return by_row, in_order


def _columns(cover: Cover) -> tuple[int, ...]:
    terms, rate = cover.terms, capped_rate(cover.terms)
    lump = min(terms.failover_benefit, terms.incident_limit)
    return (
        in_year(cover.start),
        in_year(cover.end),
        terms.waiting_seconds,
        retained_seconds(terms),
        rate,
        lump,
        terms.incident_limit,
        terms.aggregate_limit,
        min(terms.aggregate_limit // rate, LARGEST_REACH - 1),
        min(full_seconds(terms, 0), SECONDS_BOUND),
        min(full_seconds(terms, lump), SECONDS_BOUND),
    )


@dataclass(frozen=True)
class Plan:
    """All that a run needs, as arrays: what `World.arrays`, `Book.curves`, `policies`, `bounds`, `needed` hold."""

    world: tuple[Any, ...]
    without: tuple[NDArray[Any], ...]
    with_lump: tuple[NDArray[Any], ...]
    policies: tuple[I64, ...]
    bounds: tuple[NDArray[Any], ...]
    needed: NDArray[np.bool_]
    chance: int

    def simulate(self, seed: int, first_block: int, blocks: int) -> I64:
        """`Book.simulate`."""
        key = require_run(seed, first_block, blocks)
        totals = np.zeros(blocks * BLOCK_YEARS, np.int64)
        if self.needed.any():
            run_blocks(
                self.world, self.without, self.with_lump, self.policies, self.bounds, self.needed, self.chance, key,
                first_block, blocks, totals,
            )  # fmt: skip
        return totals


def require_run(seed: int, first_block: int, blocks: int) -> tuple[np.uint64, np.uint64]:
    """The two halves of the key; raises `InvalidData` for a seed or block that it can't hold."""
    if not 0 <= seed < 2**64:
        raise InvalidData(f"seed is {seed}: must be at least 0 and below 2^64")
    if first_block < 0 or blocks < 1 or first_block + blocks > MOST_BLOCKS:
        raise InvalidData(f"blocks {first_block} to {first_block + blocks}: must be at least one, from 0 to 2^31")
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
