"""Gaps between a chain's blocks found over RPC, with far fewer requests than there are blocks."""

import json
from collections.abc import Callable, Sequence

from insure.errors import ChainError, InvalidInput
from insure.ingest.headers import Wait
from insure.ingest.incidents import decode as decode_json
from insure.ingest.reports import Report, on_chain
from insure.records.history import Stopped

HEADERS = "headers:"
"""Begins the name of a chain's own headers as a source; the subject's id follows."""


def find_gaps(time_of: Callable[[int], int], first: int, last: int, at_least: int) -> tuple[Wait, ...]:
    """Every wait of at least `at_least` seconds between consecutive blocks of `first` to `last`, oldest first.

    Blocks that span less than that can hide no such wait, so a range is halved only while it spans more: about twice
    the range's time over `at_least` requests, however many blocks there are. Raises `InvalidInput` for a range or
    length that is none, `ChainError` if a block is older than one before it.
    """
    if not 0 <= first < last:
        raise InvalidInput(f"blocks {first} to {last}: must be a range of at least two")
    if at_least < 1:
        raise InvalidInput(f"at_least is {at_least}: must be at least 1 second")
    gaps: list[Wait] = []
    ranges = [((first, time_of(first)), (last, time_of(last)))]
    while ranges:
        (low, begin), (high, end) = ranges.pop()
        if end < begin:
            raise ChainError(f"block {high} is of {end}, before block {low} of {begin}")
        if end - begin < at_least:
            continue
        if high - low == 1:
            gaps.append(Wait(low, high, begin, end))
            continue
        middle = (low + high) // 2
        between = (middle, time_of(middle))
        ranges += [(between, (high, end)), ((low, begin), between)]
    return tuple(gaps)


def block_at(time_of: Callable[[int], int], last: int, at: int, first: int = 0) -> int:
    """The block among `first` to `last` that is the first not older than `at` (UTC seconds); `last` if all are."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if time_of(middle) < at:
            low = middle + 1
        else:
            high = middle
    return low


def encode(gaps: Sequence[Wait]) -> bytes:
    """Gaps as they are archived."""
    return json.dumps([[gap.after_block, gap.before_block, gap.start, gap.end] for gap in gaps]).encode()


def decode(payload: bytes) -> tuple[Wait, ...]:
    """Gaps as they were archived; raises `InvalidInput` for anything else."""
    rows = decode_json(payload)
    if not isinstance(rows, list) or not all(_is_gap(row) for row in rows):
        raise InvalidInput("answer is no list of gaps")
    return tuple(Wait(*row) for row in rows)


def _is_gap(row: object) -> bool:
    return isinstance(row, list) and len(row) == 4 and all(type(part) is int for part in row) and row[2] < row[3]


def as_reports(gaps: tuple[Wait, ...], subject: str, seen_at: int) -> tuple[Report, ...]:
    """What a chain's own headers say: no block from one timestamp to the next."""
    return tuple(
        on_chain(
            f"{HEADERS}{subject}",
            str(gap.after_block),
            "",
            seen_at,
            subject,
            (gap.start, gap.end),
            Stopped.BLOCK_PRODUCTION,
            f"no block after {gap.after_block} for {gap.seconds} seconds",
        )
        for gap in gaps
    )
