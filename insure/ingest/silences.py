"""Silences of an account: long times without a transaction of its own, found from its nonces with few requests."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from insure.errors import ChainError, InvalidInput
from insure.ingest.header_search import block_at
from insure.ingest.incidents import decode as decode_json
from insure.ingest.reports import Report, on_chain
from insure.records.history import Stopped

Of = Callable[[int], int]
"""A number of a block: how many transactions were sent up to it, or its time."""


@dataclass(frozen=True)
class Silence:
    """From the block of one transaction to that of the next; `start` and `end` are their times, UTC seconds. Without
    the latter it lasted at the last block that was looked at."""

    after_block: int
    before_block: int | None
    start: int
    end: int | None


def find_silences(sent_of: Of, time_of: Of, first: int, last: int, at_least: int) -> tuple[Silence, ...]:
    """Every silence of at least `at_least` seconds that reaches into the blocks `first` to `last`, oldest first.

    One may have begun long before `first`. A range is halved only while the account sent something in it and it spans
    half of `at_least` or more, so that any silence leaves a range without a transaction: about four times the range's
    time over `at_least` requests, and some twenty for each silence. Before its first transaction an account has none.
    Raises `InvalidInput` for a range or length that is none, `ChainError` if a later block is older, or fewer were sent
    up to it.
    """
    if not 0 <= first < last:
        raise InvalidInput(f"blocks {first} to {last}: must be a range of at least two")
    if at_least < 1:
        raise InvalidInput(f"at_least is {at_least}: must be at least 1 second")
    found = (
        _around(sent_of, time_of, first, last, sent)
        for sent in sorted(_candidates(sent_of, time_of, first, last, at_least))
    )
    return tuple(each for each in found if (time_of(last) if each.end is None else each.end) - each.start >= at_least)


def _candidates(sent_of: Of, time_of: Of, first: int, last: int, at_least: int) -> set[int]:
    """How many had been sent in each silence that may be long enough; the first may lie in the range in part only."""
    sent = {sent_of(first)}
    ranges = [(first, last)]
    while ranges:
        low, high = ranges.pop()
        if sent_of(high) < sent_of(low):
            raise ChainError(f"block {high} has {sent_of(high)} transactions sent, and block {low} has {sent_of(low)}")
        if time_of(high) < time_of(low):
            raise ChainError(f"block {high} is of {time_of(high)}, before block {low} of {time_of(low)}")
        if sent_of(low) == sent_of(high):
            sent.add(sent_of(low))
        elif 2 * (time_of(high) - time_of(low)) >= at_least:
            if high - low == 1:
                sent.add(sent_of(low))  # the chain itself stood meanwhile
            else:
                middle = (low + high) // 2
                ranges += [(low, middle), (middle, high)]
    return sent - {0}


def _around(sent_of: Of, time_of: Of, first: int, last: int, sent: int) -> Silence:
    """The silence in which so many had been sent."""
    after = _last_sent(sent_of, first) if sent == sent_of(first) else block_at(sent_of, last, sent, first)
    if sent == sent_of(last):
        return Silence(after, None, time_of(after), None)
    before = block_at(sent_of, last, sent + 1, after)
    return Silence(after, before, time_of(after), time_of(before))


def _last_sent(sent_of: Of, block: int) -> int:
    """The block of the last transaction up to a block, looked for ever further back: nodes have what is near rather."""
    low, step = block, 1
    while low > 0 and sent_of(low) == sent_of(block):
        low, step = max(0, block - step), 2 * step
    return block_at(sent_of, block, sent_of(block), low)


@dataclass(frozen=True)
class Silences:
    """What was found up to a block whose time is `seen_at`, UTC seconds."""

    seen_at: int
    found: tuple[Silence, ...]


def encode(silences: Silences) -> bytes:
    """Silences as they are archived."""
    rows = [[each.after_block, each.before_block, each.start, each.end] for each in silences.found]
    return json.dumps({"seen_at": silences.seen_at, "silences": rows}).encode()


def decode(payload: bytes) -> Silences:
    """Silences as they were archived; raises `InvalidInput` for anything else."""
    answer = decode_json(payload)
    if not isinstance(answer, dict) or type(answer.get("seen_at")) is not int:
        raise InvalidInput("answer holds no silences")
    rows = answer.get("silences")
    if not isinstance(rows, list) or not all(_is_silence(row, answer["seen_at"]) for row in rows):
        raise InvalidInput("answer holds no list of silences")
    return Silences(answer["seen_at"], tuple(Silence(*row) for row in rows))


def _is_silence(row: object, seen_at: int) -> bool:
    if not isinstance(row, list) or len(row) != 4 or type(row[0]) is not int or type(row[2]) is not int:
        return False
    lasts = row[1] is None and row[3] is None
    return row[2] < seen_at if lasts else type(row[1]) is int and type(row[3]) is int and row[2] < row[3] <= seen_at


def as_reports(silences: Silences, source: str, subject: str) -> Iterator[Report]:
    """What the silence of a rollup's batcher says: nothing was posted. Of blocks it says nothing: a sequencer may have
    run on without its batcher, and have stood where the batcher had nothing to post."""
    for each in silences.found:
        text = f"the batcher sent nothing on the parent chain after its block {each.after_block}"
        span = (each.start, each.end)
        yield on_chain(source, str(each.after_block), "", silences.seen_at, subject, span, Stopped.BATCH_POSTING, text)
