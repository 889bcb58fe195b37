"""Halts as a chain's own block headers tell them: waits between consecutive blocks, read from Parquet files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from insure.errors import InvalidInput, NotConfigured
from insure.ingest.beside import FIRST_SECOND, LAST_SECOND, overlapped, widest
from insure.records.history import Outage, Subject

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

I64 = NDArray[np.int64]

NUMBER_COLUMNS = ("number", "block_number")
TIME_COLUMNS = ("timestamp", "block_timestamp", "time")
SHORTEST_SECONDS = 600
"""No shorter wait is told of, unless asked for."""
CHANCE = 0.001
"""At most so likely does a chain of the same pace, its blocks found by chance, show any gap at all."""


@dataclass(frozen=True)
class Wait:
    """From one block to the next in the file: `start` and `end` are their timestamps, UTC seconds."""

    after_block: int
    before_block: int
    start: int
    end: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class HeaderScan:
    """What the headers of one chain tell.

    `gaps` are waits of at least `at_least` seconds between consecutive blocks, `holes` such waits where the file lacks
    the blocks between: a halt may hide there, or nothing. `missing` counts all blocks that it lacks. Times are UTC
    seconds, `mean_seconds` the mean wait for a block.
    """

    blocks: int
    first_block: int
    last_block: int
    first_at: int
    last_at: int
    mean_seconds: float
    at_least: int
    missing: int
    gaps: tuple[Wait, ...]
    holes: tuple[Wait, ...]


@dataclass(frozen=True)
class Comparison:
    """Gaps beside the record: which outages each overlaps, and which usable outages of the time show no gap."""

    known: tuple[tuple[Wait, tuple[Outage, ...]], ...]
    unseen: tuple[Outage, ...]


def chance_wait(mean_seconds: float, blocks: int) -> int:
    """The wait that `blocks` blocks found at random, one each `mean_seconds`, exceed with a probability of `CHANCE`.

    Each wait is exponential, so that P(any > t) <= blocks * exp(-t / mean) (the union bound). The difficulty of
    proof of work lags behind a falling hash rate, so that its waits can be longer still.
    """
    return ceil(mean_seconds * log(max(blocks, 1) / CHANCE))


def has_own_clock(subject: Subject) -> bool:
    """Whether a chain's timestamps tell when a block was made."""
    return subject.stack != "op-stack"


def require_own_clock(subject: Subject) -> None:
    """Raises `InvalidInput` for chains whose timestamps do not tell when a block was made."""
    if not has_own_clock(subject):
        raise InvalidInput(
            f"subject {subject.id} ({subject.slug}) is an OP-stack chain: after a halt its blocks are back-filled with "
            "regular timestamps and show no gap; its batches on L1 do"
        )


def scan_file(path: Path, at_least: int | None = None) -> HeaderScan:
    """Gaps and holes in a Parquet file of one chain's headers; rows may be in any order and more than once.

    Columns: `number` or `block_number`, and `timestamp`, `block_timestamp` or `time` (whole UTC seconds or a Parquet
    timestamp). By default a gap is a wait of `SHORTEST_SECONDS`, or of `chance_wait` where that is longer. Raises
    `InvalidInput` naming the file and what is wrong: no such columns, empty cells, times that are no seconds, one
    number with two times, statistics that lie, fewer than two blocks; `NotConfigured` without pyarrow.
    """
    try:
        return scan(_pieces(path), at_least)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error}") from None


def scan(pieces: Iterable[tuple[I64, I64]], at_least: int | None = None) -> HeaderScan:
    """The same of arrays: pairs (numbers, times), the numbers of a piece above those of the one before."""
    if at_least is not None and at_least < 1:
        raise InvalidInput(f"at_least is {at_least}: must be at least 1 second")
    floor = SHORTEST_SECONDS if at_least is None else at_least
    waits: list[Wait] = []
    blocks = 0
    first: tuple[int, int] | None = None
    number = latest = 0
    for numbers, times in pieces:
        numbers, times = _ordered(numbers, times)
        if first is None and numbers.size and numbers[0] == 0 and times[0] == 0:
            numbers, times = numbers[1:], times[1:]  # a genesis block without a time, such as Ethereum's
        if not numbers.size:
            continue
        _require_seconds(numbers, times)
        if first is None:
            first = int(numbers[0]), int(times[0])
        elif numbers[0] <= number:
            raise InvalidInput(f"block {numbers[0]} comes after block {number}: a piece must begin above the last one")
        else:
            waits += _long_waits(np.array([number, numbers[0]]), np.array([latest, max(latest, times[0])]), floor)
            times = times if times[0] >= latest else np.maximum(times, latest)
        times = _risen(times)
        waits += _long_waits(numbers, times, floor)
        blocks += numbers.size
        number, latest = int(numbers[-1]), int(times[-1])
    if first is None or blocks < 2:
        raise InvalidInput(f"{blocks} blocks with a time: must be at least 2")
    mean = (latest - first[1]) / (number - first[0])
    least = at_least if at_least is not None else max(SHORTEST_SECONDS, chance_wait(mean, number - first[0]))
    long = [wait for wait in waits if wait.seconds >= least]
    return HeaderScan(
        blocks=blocks,
        first_block=first[0],
        last_block=number,
        first_at=first[1],
        last_at=latest,
        mean_seconds=mean,
        at_least=least,
        missing=number - first[0] + 1 - blocks,
        gaps=tuple(wait for wait in long if wait.before_block == wait.after_block + 1),
        holes=tuple(wait for wait in long if wait.before_block != wait.after_block + 1),
    )


def compare(found: HeaderScan, outages: Sequence[Outage]) -> Comparison:
    """Gaps beside the recorded outages of the same subject."""
    known = tuple((gap, overlapped(gap.start, gap.end, outages)) for gap in found.gaps)
    seen = {outage.id for _, each in known for outage in each}
    unseen = tuple(outage for outage in outages if outage.usable and outage.id not in seen and _within(found, outage))
    return Comparison(known, unseen)


def _within(found: HeaderScan, outage: Outage) -> bool:
    start, end = widest(outage)
    return found.first_at <= start and end <= found.last_at


# Arrays


def _ordered(numbers: I64, times: I64) -> tuple[I64, I64]:
    """By number, each once; raises `InvalidInput` if one number has two times."""
    if numbers.size < 2 or bool(np.all(numbers[1:] > numbers[:-1])):
        return numbers, times
    order = np.argsort(numbers, kind="stable")
    numbers, times = numbers[order], times[order]
    again = numbers[1:] == numbers[:-1]
    differs = np.flatnonzero(again & (times[1:] != times[:-1]))
    if differs.size:
        at = differs[0]
        raise InvalidInput(f"block {numbers[at]} has two times, {times[at]} and {times[at + 1]}: must have one")
    keep = np.concatenate(([True], ~again))
    return numbers[keep], times[keep]


def _require_seconds(numbers: I64, times: I64) -> None:
    for at in (int(times.argmin()), int(times.argmax())):
        if not FIRST_SECOND <= times[at] < LAST_SECOND:
            raise InvalidInput(f"block {numbers[at]} has time {times[at]}: must be UTC seconds between 2009 and 2100")


def _risen(times: I64) -> I64:
    """Each the latest time so far: some chains let a block's time fall behind the one before."""
    return times if bool(np.all(times[1:] >= times[:-1])) else np.maximum.accumulate(times)


def _long_waits(numbers: I64, times: I64, floor: int) -> list[Wait]:
    places = np.flatnonzero(times[1:] - times[:-1] >= floor)
    return [Wait(*(int(each[at + step]) for each in (numbers, times) for step in (0, 1))) for at in places]


# Parquet


def _pieces(path: Path) -> Iterator[tuple[I64, I64]]:
    """Row groups from low numbers to high; the file as one piece if their numbers overlap."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise NotConfigured("reading Parquet needs pyarrow: pip install 'downtime-insurance[parquet]'") from None
    try:
        # a row group's columns are decoded in this thread: files side by side make better use of the cores
        with pq.ParquetFile(path, pre_buffer=False) as file:
            names = [_column(file.schema_arrow.names, wanted) for wanted in (NUMBER_COLUMNS, TIME_COLUMNS)]
            groups = _groups_in_order(file, names[0])
            if groups is None:
                yield _arrays(file.read(names, use_threads=False), names)
                return
            for group in groups:
                yield _arrays(file.read_row_group(group, names, use_threads=False), names)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"can't be read as Parquet: {str(error).splitlines()[0]}") from None


def _column(names: list[str], wanted: tuple[str, ...]) -> str:
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise InvalidInput(f"columns are {', '.join(names)}: must have one of {', '.join(wanted)}")
    return found


def _groups_in_order(file: "pq.ParquetFile", number: str) -> list[int] | None:
    """The row groups by their lowest number, if the file says which numbers they hold and none overlap."""
    place = file.schema_arrow.names.index(number)
    ranges = []
    for group in range(file.metadata.num_row_groups):
        column = file.metadata.row_group(group).column(place)
        if column.path_in_schema != number or column.statistics is None or not column.statistics.has_min_max:
            return None
        ranges.append((column.statistics.min, column.statistics.max, group))
    ranges.sort()
    apart = all(high < low for (_, high, _), (low, _, _) in pairwise(ranges))
    return [group for _, _, group in ranges] if apart else None


def _arrays(table: "pa.Table", names: list[str]) -> tuple[I64, I64]:
    numbers, times = (_integers(name, table.column(name)) for name in names)
    return numbers, times


def _integers(name: str, column: "pa.ChunkedArray") -> I64:
    import pyarrow as pa

    if column.null_count:
        raise InvalidInput(f"column {name} has {column.null_count} empty cells: must have none")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"), safe=False)
    elif not pa.types.is_integer(column.type):
        raise InvalidInput(f"column {name} holds {column.type}: must hold whole numbers or timestamps")
    values: I64 = column.cast(pa.int64()).to_numpy()
    return values
