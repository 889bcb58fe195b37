"""Gaps between blocks found over RPC: the same as reading every header, with few requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.chain.embedded import EmbeddedChain
from insure.errors import ChainError, InvalidInput
from insure.ingest.header_search import as_reports, block_at, decode, encode, find_gaps
from insure.ingest.headers import Wait
from insure.ingest.reports import SourceKind


@given(st.lists(st.integers(0, 900), min_size=1, max_size=60), st.integers(1, 900))
def test_it_finds_what_reading_every_header_finds(waits: list[int], at_least: int) -> None:
    times = [1_700_000_000]
    for wait in waits:
        times.append(times[-1] + wait)
    every = tuple(
        Wait(number, number + 1, times[number], times[number + 1])
        for number in range(len(waits))
        if times[number + 1] - times[number] >= at_least
    )
    assert find_gaps(times.__getitem__, 0, len(waits), at_least) == every


def test_it_asks_for_few_blocks() -> None:
    asked: list[int] = []

    def time_of(number: int) -> int:
        asked.append(number)
        return 1_700_000_000 + number // 4 + (7_200 if number > 600_000 else 0)

    (gap,) = find_gaps(time_of, 0, 1_000_000, 3_600)
    assert (gap.after_block, gap.seconds) == (600_000, 7_200)
    assert len(asked) < 300, "a million blocks in three days"


def test_a_block_older_than_the_one_before_is_refused() -> None:
    times = [100, 900, 50, 2_000]
    with pytest.raises(ChainError, match="before block"):
        find_gaps(times.__getitem__, 0, 3, 10)


@pytest.mark.parametrize(("first", "last", "at_least"), [(5, 5, 10), (6, 5, 10), (-1, 5, 10), (0, 5, 0)])
def test_a_range_that_is_none_is_refused(first: int, last: int, at_least: int) -> None:
    with pytest.raises(InvalidInput, match="must be"):
        find_gaps(lambda number: number, first, last, at_least)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(-5, 120))
def test_the_first_block_of_a_time_is_found(waits: list[int], at: int) -> None:
    times = [0]
    for wait in waits:
        times.append(times[-1] + wait)
    younger = [number for number, time in enumerate(times) if time >= at]
    assert block_at(times.__getitem__, len(waits), at) == (younger[0] if younger else len(waits))


@pytest.mark.parametrize("body", [b"{}", b"[[1, 2, 3]]", b'[[1, 2, 3, "4"]]', b"[[1, 2, 9, 3]]", b"<html>"])
def test_what_is_no_list_of_gaps_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="answer "):
        decode(body)


def test_gaps_are_read_as_they_were_archived() -> None:
    gaps = (Wait(5, 6, 100, 900), Wait(7, 8, 1_000, 1_900))
    assert decode(encode(gaps)) == gaps


def test_a_real_chains_gap_is_found() -> None:
    chain = EmbeddedChain(31_337, 1_700_000_000)
    chain.mine(5)
    chain.halt()
    chain.travel(chain.head().timestamp + 5_000)
    chain.resume()
    chain.mine(5)
    gaps = find_gaps(lambda number: chain.block(number).timestamp, 1, chain.head().number, 3_000)
    assert len(gaps) == 1
    (told,) = as_reports(gaps, "eip155:1", 1_760_000_000)
    assert (told.kind, told.source, told.subject) == (SourceKind.ON_CHAIN, "headers:eip155:1", "eip155:1")
