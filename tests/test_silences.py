"""Silences of an account: planted ones are found exactly and none else, with few requests."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import ChainError, InvalidInput
from insure.ingest.reports import SourceKind
from insure.ingest.silences import Silence, Silences, as_reports, decode, encode, find_silences
from insure.records.history import Ended, Stopped

T0 = 1_700_000_000


def every_silence(times: list[int], sent: list[int], first: int, last: int, at_least: int) -> list[Silence]:
    """What looking at every block finds."""
    posts = [block for block in range(1, last + 1) if sent[block] > sent[block - 1]]
    spans = [Silence(after, before, times[after], times[before]) for after, before in pairwise(posts)]
    if posts:
        spans.append(Silence(posts[-1], None, times[posts[-1]], None))
    reaching = [each for each in spans if each.before_block is None or each.before_block > first]
    return [each for each in reaching if (times[last] if each.end is None else each.end) - each.start >= at_least]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from([0, 0, 0, 1, 3])), min_size=2, max_size=70),
    st.integers(1, 400),
    st.data(),
)
def test_it_finds_what_looking_at_every_block_finds(
    blocks: list[tuple[int, int]], at_least: int, data: st.DataObject
) -> None:
    times, sent = [T0], [0]
    for wait, count in blocks:
        times.append(times[-1] + wait)
        sent.append(sent[-1] + count)
    last = len(blocks)
    first = data.draw(st.integers(0, last - 1))
    found = find_silences(sent.__getitem__, times.__getitem__, first, last, at_least)
    assert list(found) == every_silence(times, sent, first, last, at_least)


@pytest.mark.parametrize("pace", [1, 5, 25, 150])
def test_planted_silences_are_found_at_every_pace_and_none_else(pace: int) -> None:
    """A year of blocks of 12 seconds, a post each `pace` blocks or so, three silences."""
    rng = random.Random(pace)
    planted = [(300_000, 303_000), (1_000_000, 1_000_900), (2_500_000, 2_510_000)]
    posts: list[int] = []
    block = 1
    while block < 2_628_000:
        posts.append(block)
        following = block + rng.randint(1, 2 * pace)
        quiet = next((each for each in planted if block < each[0] <= following), None)
        block = quiet[1] if quiet else following
    wanted = [(max(each for each in posts if each < begin), end) for begin, end in planted]
    asked: set[int] = set()

    def sent_of(number: int) -> int:
        asked.add(number)
        low, high = 0, len(posts)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if posts[middle] <= number else (low, middle)
        return low

    found = find_silences(sent_of, lambda number: T0 + 12 * number, 100_000, 2_628_000, 10_000)
    assert [(each.after_block, each.before_block) for each in found] == wanted
    assert len(asked) < 4 * (2_528_000 * 12 // 10_000) * 2 + 100, "of two and a half million blocks"


def test_a_silence_that_began_before_the_range_begins_with_its_last_post() -> None:
    sent = [0, 1, 2, *[2] * 50, 3]
    (found,) = find_silences(sent.__getitem__, lambda number: T0 + 12 * number, 40, 53, 300)
    assert found == Silence(2, 53, T0 + 24, T0 + 12 * 53)


def test_one_that_lasts_has_no_end() -> None:
    sent = [0, 1, 2, *[2] * 50]
    (found,) = find_silences(sent.__getitem__, lambda number: T0 + 12 * number, 40, 52, 300)
    assert found == Silence(2, None, T0 + 24, None)
    assert find_silences(sent.__getitem__, lambda number: T0 + 12 * number, 40, 52, 601) == ()


def test_an_account_that_has_sent_nothing_yet_is_not_silent() -> None:
    assert find_silences(lambda number: 0, lambda number: T0 + 12 * number, 0, 90, 60) == ()
    sent = [0] * 80 + [1] * 3
    assert find_silences(sent.__getitem__, lambda number: T0 + 12 * number, 0, 82, 60) == ()


def test_a_chain_that_stood_itself_is_a_silence_too() -> None:
    times = [T0, T0 + 12, T0 + 24, T0 + 9_000, T0 + 9_012]
    (found,) = find_silences([0, 1, 2, 3, 4].__getitem__, times.__getitem__, 0, 4, 3_600)
    assert (found.after_block, found.before_block) == (2, 3)


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(ChainError, match="transactions sent, and block"):
        find_silences([5, 5, 4].__getitem__, lambda number: T0, 0, 2, 60)
    with pytest.raises(ChainError, match="before block 0"):
        find_silences([5, 6, 7].__getitem__, [T0, T0, T0 - 9].__getitem__, 0, 2, 60)
    for first, last, at_least in ((5, 5, 10), (-1, 5, 10), (0, 5, 0)):
        with pytest.raises(InvalidInput, match="must be"):
            find_silences(lambda number: number, lambda number: number, first, last, at_least)


# In the archive, and as reports

FOUND = Silences(T0 + 9_000, (Silence(5, 9, T0, T0 + 4_000), Silence(20, None, T0 + 5_000, None)))


def test_silences_are_read_as_they_were_archived() -> None:
    assert decode(encode(FOUND)) == FOUND


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"silences": []}',
        b'{"seen_at": 9, "silences": [[1, 2, 3]]}',
        b'{"seen_at": 9, "silences": [[1, 2, 5, 3]]}',
        b'{"seen_at": 9, "silences": [[1, 2, 5, 10]]}',
        b'{"seen_at": 9, "silences": [[1, null, 5, 8]]}',
        b'{"seen_at": 9, "silences": [[1, null, 9, null]]}',
        b'{"seen_at": 9, "silences": [[1, 2, "5", 8]]}',
    ],
)
def test_what_holds_no_silences_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="answer "):
        decode(body)


def test_it_is_on_chain_evidence_of_posting_that_stopped_and_of_no_halted_blocks() -> None:
    over, lasting = as_reports(FOUND, "batches:eip155:10/x", "eip155:10")
    assert (over.kind, over.what_stopped, over.peril) == (SourceKind.ON_CHAIN, Stopped.BATCH_POSTING, None)
    assert (over.length, over.ended) == ((4_000, 4_000), Ended.RESUMED)
    assert (lasting.length, lasting.lasts, lasting.reference) == ((4_000, None), True, "20")
