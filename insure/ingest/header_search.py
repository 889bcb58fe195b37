"""Gaps between a chain's blocks found over RPC, with far fewer requests than there are blocks."""

from collections.abc import Callable

from insure.errors import ChainError, InvalidInput
from insure.ingest.headers import Wait
from insure.ingest.reports import Moment, Report, SourceKind
from insure.records.history import Ended, Precision, Stopped


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


def as_reports(gaps: tuple[Wait, ...], subject: str, seen_at: int) -> tuple[Report, ...]:
    """What a chain's own headers say: no block from one timestamp to the next."""
    return tuple(
        Report(
            source=f"headers:{subject}",
            reference=str(gap.after_block),
            kind=SourceKind.ON_CHAIN,
            url="",
            seen_at=seen_at,
            subject=subject,
            start=Moment(gap.start, Precision.MINUTE),
            end=Moment(gap.end, Precision.MINUTE),
            ended=Ended.RESUMED,
            what_stopped=Stopped.BLOCK_PRODUCTION,
            text=f"no block after {gap.after_block} for {gap.seconds} seconds",
        )
        for gap in gaps
    )
