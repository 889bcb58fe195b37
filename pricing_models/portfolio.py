"""All policies of a pool against all halts, own and shared: the pool's payout in each of many simulated years.

A year is one possible course of the next twelve months of the book: outages fall anywhere in it, and each policy counts
from its start to its end. Years come in blocks of 100 that share one joint draw of the models' parameters. All random
numbers of a block follow from (seed, block), so that a result depends on neither batches nor threads nor machines.

Not simulated yet: a halt of more than 168 hours is one incident here, where the contracts make it several, and chains
that stop for good have no outcome of their own. Both make the tail lighter than it is (about one halt in forty each).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricing_models.duration import DurationPosterior
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.frequency import RatePosterior
from pricing_models.payoff import Semantics, Terms
from pricing_models.simulate.blocks import run_blocks
from pricing_models.simulate.draws import LOGLOGISTIC, LOGNORMAL, WEIBULL
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR
from pricing_models.simulate.payouts import LENGTH_CELLS, TIME_CELLS, TIME_SHIFT
from pricing_models.simulate.trace import COLUMNS, settle, trace_blocks

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

BODY_CODES: Mapping[str, int] = {"lognormal": LOGNORMAL, "weibull": WEIBULL, "loglogistic": LOGLOGISTIC}
MOST_BLOCKS = 2**31
_INT64_BOUND = 2**63
_COIN_BOUND = 2**32


@dataclass(frozen=True, slots=True)
class Process:
    """What begins outages of its own: a subject or a common cause.

    `rate` is halts a year, known or uncertain; processes that share a name of `group` share each block's draw of
    their group's hyper-parameters, so that their rates rise and fall together.
    """

    id: str
    rate: RatePosterior | float
    length: DurationPosterior
    group: str = "all"


@dataclass(frozen=True, slots=True)
class Link:
    """That an outage of `cause`, its own or passed on to it, stops `subject` as long, with a probability."""

    subject: str
    cause: str
    pass_through: float


@dataclass(frozen=True, slots=True)
class Cover:
    """One policy: `start` and `end` are seconds from the beginning of the year that is simulated, end excluded."""

    id: str
    subject: str
    terms: Terms
    start: int
    end: int


@dataclass(frozen=True)
class World:
    """All that can halt, and what halts together.

    `subjects` can be covered; `causes` only make others halt. Raises `InvalidData` for an id that occurs twice, a cause
    without members, a link that occurs twice, a probability outside [0, 1] or dependencies in a circle,
    `UnknownSubject` for a link to nowhere.
    """

    subjects: tuple[Process, ...]
    causes: tuple[Process, ...] = ()
    links: tuple[Link, ...] = ()
    failover_probability: float = 1.0

    def __post_init__(self) -> None:
        ids = [process.id for process in self.processes]
        twice = sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []
        if twice:
            raise InvalidData(f"process {twice[0]!r} occurs twice: an id may occur once")
        _require_probability("failover_probability", self.failover_probability)
        known, pairs = set(ids), set()
        for row, link in enumerate(self.links):
            _check_link(row, link, known)
            if (link.subject, link.cause) in pairs:
                raise InvalidData(f"link {row} from {link.cause!r} to {link.subject!r} occurs twice")
            pairs.add((link.subject, link.cause))
        barren = sorted({cause.id for cause in self.causes} - {link.cause for link in self.links})
        if barren:
            raise InvalidData(f"cause {barren[0]!r} has no members: name a subject that it can stop, or leave it out")
        for process in self.processes:
            _check_process(process)
        self.order  # noqa: B018  # refuses circles now

    @property
    def processes(self) -> tuple[Process, ...]:
        """Subjects, then causes."""
        return self.subjects + self.causes

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All ids, causes before what they stop."""
        graph: dict[str, list[str]] = {each: [] for each in sorted(process.id for process in self.processes)}
        for link in self.links:
            graph[link.subject].append(link.cause)
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise InvalidData(f"dependencies go round in a circle: {circle}; leave one of them out") from None

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Index in `order` of each id."""
        return {each: i for i, each in enumerate(self.order)}

    @cached_property
    def stream(self) -> Mapping[str, int]:
        """Number of each id's random stream: its rank among the sorted ids, whatever depends on what."""
        return {each: i for i, each in enumerate(sorted(self.place))}

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """The world as the kernels take it, in `order`: stream, group of rate, first node of rate, cumulated
        weights, shapes, rates, group of length, first node of length, cumulated weights, mu, sigma, body, first
        link, causes, thresholds in 2^-32, slot of those that are causes (else -1). A shape of 0 is a known rate."""
        by_id = {process.id: process for process in self.processes}
        ordered = [by_id[each] for each in self.order]
        rate_groups, law_groups = _numbers(p.group for p in ordered), _numbers(_law_group(p) for p in ordered)
        rates = [_rate_nodes(process.rate) for process in ordered]
        laws = [process.length for process in ordered]
        links: dict[str, list[Link]] = {each: [] for each in self.order}
        for link in sorted(self.links, key=lambda link: self.place[link.cause]):
            links[link.subject].append(link)
        flat = [link for each in self.order for link in links[each]]
        used = {name: i for i, name in enumerate(sorted({link.cause for link in flat}))}
        return (
            np.array([self.stream[each] for each in self.order], np.int64),
            np.array([rate_groups[p.group] for p in ordered], np.int64),
            _firsts([shapes.size for shapes, _, _ in rates]),
            np.concatenate([np.cumsum(weights) for _, _, weights in rates]),
            np.concatenate([shapes for shapes, _, _ in rates]),
            np.concatenate([each for _, each, _ in rates]),
            np.array([law_groups[_law_group(p)] for p in ordered], np.int64),
            _firsts([law.weights.size for law in laws]),
            np.concatenate([np.cumsum(law.weights) for law in laws]),
            np.concatenate([law.mu for law in laws]).astype(np.float64),
            np.concatenate([law.sigma for law in laws]).astype(np.float64),
            np.array([BODY_CODES[law.body.name] for law in laws], np.int64),
            _firsts([len(links[each]) for each in self.order]),
            np.array([self.place[link.cause] for link in flat], np.int64),
            np.array([_coin(link.pass_through) for link in flat], np.uint64),
            np.array([used.get(each, -1) for each in self.order], np.int64),
        )

    def stopped_by(self, cause: str) -> tuple[str, ...]:
        """`cause` and all that it can stop, directly or through others; raises `UnknownSubject`."""
        if cause not in self.place:
            raise UnknownSubject(f"cause {cause!r} is neither a subject nor a common cause of this world")
        found = {cause}
        for each in self.order:
            if any(link.subject == each and link.cause in found for link in self.links):
                found.add(each)
        return tuple(each for each in self.order if each in found)


def _require_probability(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidData(f"{name} is {value}: must be from 0 to 1")


def _check_link(row: int, link: Link, known: set[str]) -> None:
    for name, value in (("subject", link.subject), ("cause", link.cause)):
        if value not in known:
            raise UnknownSubject(f"link {row}: {name} {value!r} is neither a subject nor a common cause")
    _require_probability(f"link {row} from {link.cause!r} to {link.subject!r}: pass_through", link.pass_through)


def _check_process(process: Process) -> None:
    if process.length.body.name not in BODY_CODES:
        right = ", ".join(BODY_CODES)
        raise InvalidData(f"process {process.id!r}: body {process.length.body.name!r} must be one of {right}")
    shapes, rates, _ = _rate_nodes(process.rate)
    if not (np.isfinite(rates).all() and (rates >= 0.0).all() and (shapes >= 0.0).all()):
        raise InvalidData(f"process {process.id!r}: rate must be finite and at least 0")


def _rate_nodes(rate: RatePosterior | float) -> tuple[F64, F64, F64]:
    if isinstance(rate, RatePosterior):
        return rate.shapes.astype(float), rate.rates.astype(float), rate.weights.astype(float)
    return np.zeros(1), np.array([float(rate)]), np.ones(1)


def _law_group(process: Process) -> str:
    """Processes with the very same nodes of the length's law share the draw."""
    law = process.length
    return f"{law.source}|{law.mu.size}|{float(law.mu[0])!r}|{float(law.mu[-1])!r}"


def _numbers(names: Any) -> dict[str, int]:
    return {name: i for i, name in enumerate(sorted(set(names)))}


def _firsts(sizes: Sequence[int]) -> I64:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def _coin(probability: float) -> int:
    """The probability in units of 2^-32, to the nearest."""
    return round(probability * _COIN_BOUND)


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
            if total >= _INT64_BOUND:
                raise InvalidData(
                    f"policy {row} ({cover.id}): the aggregate limits together reach {total}, "
                    "which must be below 2^63: count money in a larger unit"
                )

    @cached_property
    def ordered(self) -> I64:
        """Index in `covers` of the policies as the kernels hold them: by subject, then by seconds to exhaustion."""
        place = self.world.place
        keys = [(place[c.subject], c.terms.aggregate_limit // _rate(c.terms), i) for i, c in enumerate(self.covers)]
        return np.array([key[2] for key in sorted(keys)], np.int64)

    @cached_property
    def policies(self) -> tuple[I64, ...]:
        """First policy of each process, then per policy: start, end, waiting, seconds retained, rate, benefit,
        incident limit, aggregate limit, and aggregate limit // rate, by which those of a process are sorted."""
        covers = [self.covers[i] for i in self.ordered]
        counts = np.zeros(len(self.world.order), np.int64)
        for cover in covers:
            counts[self.world.place[cover.subject]] += 1
        columns = [
            (
                min(max(c.start, 0), YEAR),
                min(max(c.end, 0), YEAR),
                c.terms.waiting_seconds,
                c.terms.waiting_seconds if c.terms.semantics is Semantics.RETENTION else 0,
                _rate(c.terms),
                min(c.terms.failover_benefit, c.terms.incident_limit),
                c.terms.incident_limit,
                c.terms.aggregate_limit,
                c.terms.aggregate_limit // _rate(c.terms),
            )
            for c in covers
        ]
        table = np.array(columns, np.int64).reshape(-1, 9)
        return (_firsts(counts.tolist()), *(np.ascontiguousarray(table[:, k]) for k in range(9)))

    @cached_property
    def bounds(self) -> tuple[NDArray[Any], ...]:
        """Per process: least waiting, what a reach is less by, longest reach, least reserve, whether a lump is due."""
        first, _, _, waiting, retained, rate, benefit, limit, _, reserve = self.policies
        n = len(self.world.order)
        least, offset, cap, room = (np.zeros(n, np.int64) for _ in range(4))
        lumps = np.zeros(n, np.bool_)
        for i in range(n):
            own = slice(first[i], first[i + 1])
            if first[i] == first[i + 1]:
                continue
            least[i], room[i] = waiting[own].min(), reserve[own].min()
            cap[i] = (-(-limit[own] // rate[own])).max()
            offset[i] = retained[own].min() - (-(-benefit[own] // rate[own])).max()
            lumps[i] = bool((benefit[own] > 0).any())
        return least, offset, cap, room, lumps

    @cached_property
    def curves(self) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        """The payout of each process's policies in force, without and with a proven failover."""
        return _curves(self, False), _curves(self, True)

    @cached_property
    def needed(self) -> NDArray[np.bool_]:
        """Which processes are covered, or can stop one that is."""
        place, first = self.world.place, self.policies[0]
        found = first[1:] > first[:-1]
        for each in reversed(self.world.order):
            if found[place[each]]:
                for link in self.world.links:
                    if link.subject == each:
                        found[place[link.cause]] = True
        return found

    @cached_property
    def plan(self) -> "Plan":
        """The book as arrays alone, which other processes can be sent."""
        without, with_lump = self.curves
        chance = _coin(self.world.failover_probability)
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
        chance = _coin(self.world.failover_probability)
        rows: I64 = trace_blocks(self.world.arrays, self.policies[0], self.needed, chance, key, blocks, wanted)
        return rows

    def settle(self, rows: I64 | NDArray[np.uint32]) -> tuple[I64, I64]:
        """What each row of a trace pays, and each policy in the order of `covers`, over all rows together.

        Raises `InvalidData` when the policies' sums could reach 2^63: settle fewer years at a time.
        """
        most = sum(cover.terms.aggregate_limit for cover in self.covers) * np.unique(rows[:, 0]).size
        if most >= _INT64_BOUND:
            raise InvalidData(f"these years could pay up to {most}, which must be below 2^63: settle fewer at a time")
        by_row, by_policy = np.zeros(len(rows), np.int64), np.zeros(len(self.covers), np.int64)
        settle(rows, self.policies, by_row, by_policy)
        in_order = np.zeros_like(by_policy)
        in_order[self.ordered] = by_policy
        return by_row, in_order


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


def _rate(terms: Terms) -> int:
    """The rate, cut to the incident limit, which changes no payout: a whole second pays no more than the limit."""
    return min(terms.rate_per_second, terms.incident_limit)


def _records(c: Cover, benefit: int) -> list[tuple[int, int, int]]:
    """(length from which it holds, change of slope, change of constant) of one policy's payout."""
    t = c.terms
    rate, limit, waiting = _rate(t), t.incident_limit, t.waiting_seconds
    retained = waiting if t.semantics is Semantics.RETENTION else 0
    lump = min(benefit, limit)
    full = retained + -(-(limit - lump) // rate)  # the least length that pays the limit, were there no waiting
    if full <= waiting + 1:
        return [(waiting + 1, 0, limit)]
    return [(waiting + 1, rate, lump - rate * retained), (full, -rate, limit - lump + rate * retained)]


def _wrapped(value: int) -> int:
    """`value` modulo 2^64, as int64 has it."""
    return (value + _INT64_BOUND) % (2 * _INT64_BOUND) - _INT64_BOUND


def _curves(book: Book, proven: bool) -> tuple[NDArray[Any], ...]:
    """First edge, edges (times), first record, point, slope, constant, first point, points (lengths), the cells that
    both are found by, and the shift that makes a length a cell."""
    n = len(book.world.order)
    groups: list[list[Cover]] = [[] for _ in range(n)]
    for cover in book.covers:
        groups[book.world.place[cover.subject]].append(cover)
    edges: list[I64] = []
    points: list[I64] = []
    sizes: list[int] = []
    flat: list[tuple[int, int, int]] = []
    time_cells = np.zeros((n, TIME_CELLS + 1), np.int32)
    length_cells = np.zeros((n, LENGTH_CELLS + 2), np.int32)
    shifts = np.zeros(n, np.int64)
    for i, group in enumerate(groups):
        changes: dict[int, list[tuple[int, int, int]]] = {}
        for c in group:
            start, end = min(max(c.start, 0), YEAR), min(max(c.end, 0), YEAR)
            records = _records(c, c.terms.failover_benefit if proven else 0)
            if start < end:
                changes.setdefault(start, []).extend(records)
                changes.setdefault(end, []).extend((at, -ds, -dc) for at, ds, dc in records)
        own = np.array(sorted(changes), np.int64)
        own_points = np.array(sorted({at for rows in changes.values() for at, _, _ in rows}), np.int64)
        index = {int(at): k for k, at in enumerate(own_points)}
        for at in own.tolist():
            sizes.append(len(changes[at]))
            flat.extend((index[p], _wrapped(ds), _wrapped(dc)) for p, ds, dc in changes[at])
        edges.append(own)
        points.append(own_points)
        time_cells[i] = np.searchsorted(own, np.arange(TIME_CELLS + 1) << TIME_SHIFT, side="right")
        longest = int(own_points[-1]) if own_points.size else 1
        shifts[i] = max(0, longest.bit_length() - (LENGTH_CELLS.bit_length() - 1))
        starts = np.arange(LENGTH_CELLS + 2, dtype=np.int64) << shifts[i]
        length_cells[i] = np.searchsorted(own_points, starts, side="right")
    table = np.array(flat, np.int64).reshape(-1, 3)
    return (
        _firsts([each.size for each in edges]),
        np.concatenate([*edges, np.zeros(0, np.int64)]),
        _firsts(sizes),
        *(np.ascontiguousarray(table[:, k]) for k in range(3)),
        _firsts([each.size for each in points]),
        np.concatenate([*points, np.zeros(0, np.int64)]),
        time_cells,
        length_cells,
        shifts,
    )
