"""Rounds of a sequencer uptime feed: a halt is from a 1 to the next 0, and nothing else."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from insure.chain.rpc import Chain
from insure.errors import ChainError, InvalidInput
from insure.ingest.reports import SourceKind
from insure.ingest.uptime_feed import Round, Spell, as_reports, flaws, read_outages, read_rounds
from insure.records.history import Ended, Stopped
from tests.scripted_node import ScriptedNode

NOW = 1_760_000_000
T0 = 1_700_000_000
FEED = "0xFdB631F5EE196F0ed6FAa767959853A9F217697D"
PHASE = 1 << 64


def test_a_halt_lasts_from_down_to_up() -> None:
    rounds = [Round(1, 0, T0), Round(2, 1, T0 + 100), Round(3, 0, T0 + 700), Round(4, 1, T0 + 900)]
    assert read_outages(rounds, NOW) == (Spell(T0 + 100, T0 + 700), Spell(T0 + 900, None))


def test_the_same_state_said_again_is_no_change() -> None:
    rounds = [
        Round(1, 0, T0),
        Round(2, 1, T0 + 100),
        Round(3, 1, T0 + 100),
        Round(4, 0, T0 + 700),
        Round(5, 0, T0 + 800),
    ]
    assert read_outages(rounds, NOW) == (Spell(T0 + 100, T0 + 700),)


def test_what_stood_when_the_feed_began_is_no_halt() -> None:
    assert read_outages([Round(1, 1, 0), Round(2, 0, T0)], NOW) == ()
    assert read_outages([Round(1, 1, T0), Round(2, 0, T0 + 5), Round(3, 1, T0 + 9)], NOW) == (Spell(T0 + 9, None),)


def test_rounds_may_repeat_in_any_order() -> None:
    rounds = [Round(1, 0, T0), Round(2, 1, T0 + 100), Round(3, 0, T0 + 700)] * 2
    random.Random(1).shuffle(rounds)
    assert read_outages(rounds, NOW) == (Spell(T0 + 100, T0 + 700),)


@pytest.mark.parametrize(
    ("rounds", "complaint"),
    [
        ([Round(1, 2, T0)], "answers 2: must be 0"),
        ([Round(1, 0, T0), Round(2, 1, T0 - 5)], "before round 1"),
        ([Round(1, 0, T0), Round(1, 1, T0 + 5)], "before round 1"),
        ([Round(1, 0, NOW + 1)], "up to now"),
        ([Round(1, 0, T0), Round(2, 1, 0)], "up to now"),
        ([Round(1, 0, 5)], "up to now"),
    ],
)
def test_rounds_that_contradict_each_other_are_refused(rounds: list[Round], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_outages(rounds, NOW)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1_000)), max_size=12))
def test_spans_are_in_order_and_apart(steps: list[tuple[int, int]]) -> None:
    rounds, at = [], T0
    for number, (answer, wait) in enumerate(steps, 1):
        at += wait
        rounds.append(Round(number, answer, at))
    spans = read_outages(rounds, NOW)
    ends = [each.end for each in spans if each.end is not None]
    assert len(ends) >= len(spans) - 1, "only the last may be open"
    assert all(each.start < end for each, end in zip(spans, ends, strict=False))


def test_its_reports_are_on_chain_evidence_of_blocks_that_stopped() -> None:
    (told,) = as_reports([Spell(T0, T0 + 600)], "uptime_feed:0x1", "eip155:42161", FEED, NOW)
    assert (told.kind, told.what_stopped, told.length) == (SourceKind.ON_CHAIN, Stopped.BLOCK_PRODUCTION, (600, 600))
    assert told.reference == str(T0)


def test_a_sequencer_that_stands_has_stood_until_it_was_seen() -> None:
    (told,) = as_reports([Spell(T0, None)], "uptime_feed:0x1", "eip155:42161", FEED, T0 + 900)
    assert (told.end, told.ended, told.length) == (None, None, (900, None))


# Several aggregators


def test_a_later_aggregator_may_begin_before_the_earlier_one_says_its_last() -> None:
    earlier = [Round(PHASE + 1, 0, T0), Round(PHASE + 2, 1, T0 + 500), Round(PHASE + 3, 0, T0 + 900)]
    later = [Round(2 * PHASE + 1, 0, T0 + 300), Round(2 * PHASE + 2, 1, T0 + 2_000)]
    assert read_outages([*later, *earlier], NOW) == (Spell(T0 + 500, T0 + 900), Spell(T0 + 2_000, None))


def test_a_halt_through_which_the_aggregator_is_replaced_ends_with_the_later_ones_up() -> None:
    earlier = [Round(PHASE + 1, 0, T0), Round(PHASE + 2, 1, T0 + 500)]
    assert read_outages(earlier, NOW) == (Spell(T0 + 500, None),)
    later = [Round(2 * PHASE + 1, 1, T0 + 700), Round(2 * PHASE + 2, 0, T0 + 1_500)]
    assert read_outages([*earlier, *later[:1]], NOW) == (Spell(T0 + 500, None),)
    assert read_outages([*earlier, *later], NOW) == (Spell(T0 + 500, T0 + 1_500),)


def test_one_that_the_earlier_aggregator_never_ended_was_over_when_the_later_began_up() -> None:
    earlier = [Round(PHASE + 1, 0, T0), Round(PHASE + 2, 1, T0 + 500)]
    spells = read_outages([*earlier, Round(2 * PHASE + 1, 0, T0 + 9_500)], NOW)
    assert spells == (Spell(T0 + 500, None, T0 + 9_500),)
    (told,) = as_reports(spells, "uptime_feed:0x1", "eip155:42161", FEED, NOW)
    assert (told.end, told.ended, told.length, told.lasts) == (None, Ended.RESUMED, (1, 9_000), False)


def test_an_earlier_aggregator_that_contradicts_itself_is_left_out_and_told() -> None:
    odd = [Round(PHASE + 1, 0, T0), Round(PHASE + 2, 7, T0 + 500), Round(PHASE + 3, 0, T0 + 900)]
    later = [Round(2 * PHASE + 1, 0, T0 + 300), Round(2 * PHASE + 2, 1, T0 + 2_000)]
    assert read_outages([*odd, *later], NOW) == (Spell(T0 + 2_000, None),)
    assert flaws([*odd, *later], NOW) == (
        f"aggregator 1 is left out: round {PHASE + 2} answers 7: must be 0 (up) or 1 (down)",
    )
    assert flaws(later, NOW) == ()
    with pytest.raises(InvalidInput, match="answers 7"):
        read_outages(odd, NOW)


# From the chain


def node(rounds: dict[int, Round], latest: int) -> Callable[[dict[str, Any]], tuple[int, bytes]]:
    """Answers as the feed's proxy does; rounds that it has forgotten revert."""

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        if request["method"] == "eth_chainId":
            return 200, b'{"jsonrpc":"2.0","id":1,"result":"0xa4b1"}'
        data = bytes.fromhex(request["params"][0]["data"][2:])
        number = int.from_bytes(data[4:]) if len(data) > 4 else latest
        if number not in rounds:
            return 200, b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted: No data present"}}'
        each = rounds[number]
        values = [each.id, each.answer, each.started_at, each.started_at, each.id]
        packed = encode(["uint80", "int256", "uint256", "uint256", "uint80"], values)
        return 200, ('{"jsonrpc":"2.0","id":1,"result":"0x' + packed.hex() + '"}').encode()

    return answer


ROUNDS = {PHASE + n: Round(PHASE + n, n % 2, T0 + 100 * n) for n in range(1, 6)}


@pytest.mark.network
def test_rounds_are_read_back_to_the_first_of_the_present_aggregator() -> None:
    with ScriptedNode(node(ROUNDS, PHASE + 5)) as served:
        chain = Chain.connect(served.url)
        assert read_rounds(chain, FEED) == tuple(ROUNDS.values())
        for known in (3, 5):
            assert read_rounds(chain, FEED, tuple(ROUNDS.values())[:known]) == tuple(ROUNDS.values())


@pytest.mark.network
def test_a_feed_that_has_forgotten_is_read_as_far_as_it_goes() -> None:
    kept = {number: each for number, each in ROUNDS.items() if number > PHASE + 2}
    with ScriptedNode(node(kept, PHASE + 5)) as served:
        assert read_rounds(Chain.connect(served.url), FEED) == tuple(kept.values())


@pytest.mark.network
def test_what_is_no_feed_and_what_has_too_many_rounds_is_refused() -> None:
    def silent(request: dict[str, Any]) -> tuple[int, bytes]:
        return 200, b'{"jsonrpc":"2.0","id":1,"result":"0x01"}'

    with ScriptedNode(silent) as served, pytest.raises(ChainError, match="does not answer as an uptime feed"):
        read_rounds(Chain.connect(served.url), FEED)
    with ScriptedNode(node({PHASE + 5: ROUNDS[PHASE + 4]}, PHASE + 5)) as served:
        assert read_rounds(Chain.connect(served.url), FEED) == (ROUNDS[PHASE + 4],), "whatever the last is called"
    mixed = {**ROUNDS, PHASE + 4: ROUNDS[PHASE + 3]}
    with ScriptedNode(node(mixed, PHASE + 5)) as served, pytest.raises(ChainError, match="which it was asked for"):
        read_rounds(Chain.connect(served.url), FEED)
    many = {PHASE + 30_000: Round(PHASE + 30_000, 0, T0)}
    with ScriptedNode(node(many, PHASE + 30_000)) as served, pytest.raises(ChainError, match="30,000 rounds"):
        read_rounds(Chain.connect(served.url), FEED)
    late = {100 * PHASE + 1: Round(100 * PHASE + 1, 0, T0)}
    with ScriptedNode(node(late, 100 * PHASE + 1)) as served, pytest.raises(ChainError, match="at most 64"):
        read_rounds(Chain.connect(served.url), FEED)
