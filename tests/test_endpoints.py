"""Several endpoints as one, in front of a real chain: whatever one of them does, the answer is the chain's."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from insure.chain.codec import abi
from insure.chain.contracts import Asset
from insure.chain.embedded import EmbeddedChain
from insure.chain.endpoints import LONGEST_REST, Endpoints
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import ChainError, RateLimited, Unreachable, WrongChain
from tests.scripted_node import ScriptedNode

pytestmark = pytest.mark.network

CHAIN_ID = 901
GENESIS = 1_702_600_000
Answer = dict[str, Any]


@dataclass
class Front:
    """A node in front of a chain that can be told to misbehave."""

    chain: EmbeddedChain
    trouble: Callable[[Answer], tuple[int, bytes] | None] = lambda question: None
    asked: list[str] = field(default_factory=list)

    def answer(self, question: Answer) -> tuple[int, bytes]:
        self.asked.append(question["method"])
        wrong = self.trouble(question)
        return wrong or (200, json.dumps(self.chain.node.answer(question)).encode())


class Fleet:
    """Three fronts of one chain, and the endpoints made of them on a clock that only moves when told."""

    def __init__(self, stack: ExitStack, count: int = 3) -> None:
        self.chain = EmbeddedChain(CHAIN_ID, GENESIS)
        self.chain.mine(5)
        self.fronts = [Front(self.chain) for _ in range(count)]
        self.now = 0.0
        self.pauses: list[float] = []
        urls = [stack.enter_context(ScriptedNode(front.answer)).url for front in self.fronts]
        self.endpoints = Endpoints(urls, None, lambda: self.now, self.pauses.append)
        self.seen = Chain(self.endpoints, CHAIN_ID)

    def asked(self, method: str) -> list[int]:
        return [front.asked.count(method) for front in self.fronts]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack)


def status(code: int, body: bytes = b"") -> Callable[[Answer], tuple[int, bytes]]:
    return lambda question: (code, body)


def error(code: int, message: str) -> Callable[[Answer], tuple[int, bytes]]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}).encode()
    return lambda question: (200, body)


def at_block(number: int, hash_: str | None = None) -> Callable[[Answer], tuple[int, bytes] | None]:
    """A front whose head is that block, by a hash of its own if one is given."""

    def trouble(question: Answer) -> tuple[int, bytes] | None:
        if question["method"] != "eth_getBlockByNumber":
            return None
        which = question["params"][0]
        if which != "latest" and hash_ is None:
            return None
        told = number if which == "latest" else int(which, 16)
        result = {"number": hex(told), "hash": hash_ or "0x" + "00" * 32, "timestamp": hex(GENESIS)}
        return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()

    return trouble


def true_block(chain: EmbeddedChain, number: int) -> Callable[[Answer], tuple[int, bytes] | None]:
    """A front that is behind: its head is an earlier block of the chain."""

    def trouble(question: Answer) -> tuple[int, bytes] | None:
        if question["method"] == "eth_getBlockByNumber" and question["params"][0] == "latest":
            question = question | {"params": [hex(number), False]}
            return 200, json.dumps(chain.node.answer(question)).encode()
        return None

    return trouble


TROUBLES = {
    "a server's error": status(503),
    "too many requests": status(429),
    "a quota that is used up": error(-32005, "daily request count exceeded, request rate limited"),
    "garbage": status(200, b"<html>Bad gateway</html>"),
    "nested without end": status(200, b"[" * 200_000),
    "half an answer": status(200, b'{"jsonrpc": "2.0", "result": '),
    "nothing": status(200, b""),
    "a list": status(200, b"[]"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_when_the_first_one_fails_another_answers_and_stays(fleet: Fleet, trouble: Any) -> None:
    fleet.fronts[0].trouble = trouble
    someone = fleet.chain.accounts[0].address
    assert fleet.seen.balance(someone) == fleet.chain.balance(someone)
    assert not fleet.pauses, "nobody waited"
    fleet.seen.balance(someone)
    assert fleet.asked("eth_getBalance")[1:] == [2, 0], "the one that answered is asked again"


def test_a_contracts_refusal_is_an_answer_and_asked_of_one_only(fleet: Fleet) -> None:
    for front in fleet.fronts:
        front.trouble = lambda q: error(3, "execution reverted")(q) if q["method"] == "eth_call" else None
    with pytest.raises(ChainError, match="revert"):
        fleet.seen.call("0x" + "11" * 20, b"")
    assert sum(fleet.asked("eth_call")) == 1


def test_a_range_that_is_too_large_is_understood_even_with_an_errors_status(fleet: Fleet) -> None:
    body = json.dumps({"id": 1, "error": {"code": -32614, "message": "eth_getLogs is limited to a 10,000 range"}})
    fleet.fronts[0].trouble = lambda q: (413, body.encode()) if q["method"] == "eth_getLogs" else None
    with pytest.raises(ChainError, match="limited to a 10,000 range") as caught:
        fleet.seen.logs([], 0, 5)
    assert not isinstance(caught.value, Unreachable)


def test_when_nobody_answers_it_is_tried_again_and_then_said(fleet: Fleet) -> None:
    for front in fleet.fronts:
        front.trouble = status(500)
    with pytest.raises(Unreachable, match="does not answer as a node does"):
        fleet.seen.balance(fleet.chain.accounts[0].address)
    assert len(fleet.pauses) == 2
    for front in fleet.fronts:
        front.trouble = status(429)
    with pytest.raises(RateLimited):
        fleet.seen.balance(fleet.chain.accounts[0].address)


def test_one_that_failed_rests_longer_each_time_and_comes_back(fleet: Fleet) -> None:
    fleet.fronts[0].trouble = status(500)
    rests = []
    for _ in range(9):
        fleet.endpoints._first = 0
        fleet.seen.head()
        assert not fleet.endpoints.health()[0].used
        rests.append(fleet.endpoints._states[0].rests_until - fleet.now)
        fleet.now += rests[-1]
    assert rests == sorted(rests) and rests[0] < 1 and rests[-1] == LONGEST_REST
    fleet.fronts[0].trouble = lambda question: None
    fleet.seen.head()
    assert all(each.used and each.failures == 0 for each in fleet.endpoints.health())


def test_one_of_another_chain_is_never_believed(fleet: Fleet) -> None:
    fleet.endpoints.chain_id = CHAIN_ID
    other = EmbeddedChain(902, GENESIS)
    other.mine(50)
    fleet.fronts[0].chain = other
    assert fleet.seen.head().number == 5
    assert set(fleet.fronts[0].asked) == {"eth_chainId"}
    for front in fleet.fronts:
        front.chain = other
    fleet.now += LONGEST_REST
    for state in fleet.endpoints._states:
        state.known = False
    with pytest.raises(WrongChain, match="902, expected chain 901"):
        fleet.seen.balance(fleet.chain.accounts[0].address)
    with pytest.raises(WrongChain):
        fleet.seen.balance(fleet.chain.accounts[0].address)


# The head


def test_the_head_is_the_highest_block_that_two_of_three_have(fleet: Fleet) -> None:
    fleet.fronts[0].trouble = true_block(fleet.chain, 3)
    assert fleet.seen.head() == fleet.chain.head()
    fleet.fronts[1].trouble = true_block(fleet.chain, 4)
    assert fleet.seen.head() == fleet.chain.block(4)


def test_one_that_is_behind_is_passed_over_until_it_has_caught_up(fleet: Fleet) -> None:
    fleet.fronts[0].trouble = true_block(fleet.chain, 2)
    fleet.seen.head()
    someone = fleet.chain.accounts[0].address
    fleet.seen.balance(someone)
    assert fleet.asked("eth_getBalance")[0] == 0
    fleet.fronts[0].trouble = lambda question: None
    fleet.seen.head()
    assert fleet.endpoints.health()[0].used


@pytest.mark.parametrize("far", [5, 6, 10**6])
def test_one_that_lies_about_the_head_is_outvoted_and_rests(fleet: Fleet, far: int) -> None:
    fleet.fronts[0].trouble = at_block(far, "0x" + "ab" * 32)
    assert fleet.seen.head() == fleet.chain.head()
    assert not fleet.endpoints.health()[0].used


def test_a_lie_and_a_late_one_leave_what_two_have(fleet: Fleet) -> None:
    fleet.fronts[0].trouble = at_block(9, "0x" + "ab" * 32)
    fleet.fronts[1].trouble = true_block(fleet.chain, 3)
    assert fleet.seen.head() == fleet.chain.block(3)


def test_where_no_two_agree_there_is_no_head(fleet: Fleet) -> None:
    for number, front in enumerate(fleet.fronts):
        front.trouble = at_block(5, "0x" + f"{number:02x}" * 32)
    with pytest.raises(Unreachable, match="do not agree on block 5"):
        fleet.seen.head()
    fleet.fronts[0].trouble = fleet.fronts[1].trouble = status(500)
    with pytest.raises(Unreachable, match="1 of 3 endpoints answer"):
        fleet.seen.head()


def test_of_two_the_one_that_is_ahead_is_followed() -> None:
    with ExitStack() as stack:
        fleet = Fleet(stack, 2)
        fleet.fronts[0].trouble = true_block(fleet.chain, 3)
        assert fleet.seen.head() == fleet.chain.head()
        fleet.fronts[1].trouble = status(500)
        assert fleet.seen.head() == fleet.chain.block(3), "the other one alone is better than none"


# Transactions


def minted(fleet: Fleet) -> str:
    """The address of a contract that has logged three times."""
    sender = Sender(fleet.chain, fleet.chain.accounts[0])
    address, _ = sender.create("TestAsset", abi("TestAsset").creation("A", "A", 6))
    for amount in (1, 2, 3):
        sender.send(Asset(fleet.chain, address).mint(sender.address, amount))
    return address


def logs_of(change: Callable[[list[Answer]], list[Answer]], chain: EmbeddedChain) -> Any:
    """A front that tells other logs than there are."""

    def trouble(question: Answer) -> tuple[int, bytes] | None:
        if question["method"] != "eth_getLogs":
            return None
        answer = json.loads(json.dumps(chain.node.answer(question)))
        return 200, json.dumps(answer | {"result": change(answer["result"])}).encode()

    return trouble


LIES = {
    "one left out": lambda logs: logs[:-1],
    "none at all": lambda logs: [],
    "one made up": lambda logs: [*logs, logs[-1] | {"logIndex": hex(99)}],
    "another amount": lambda logs: [log | {"data": log["data"][:-1] + "7"} for log in logs],
    "no logs": lambda logs: [{}],
    "none of it": lambda logs: 5,
}


@pytest.mark.parametrize("liar", [0, 1])
@pytest.mark.parametrize("change", LIES.values(), ids=LIES)
def test_one_that_tells_other_logs_is_outvoted_and_rests(fleet: Fleet, change: Any, liar: int) -> None:
    asset = minted(fleet)
    right = Chain(fleet.endpoints, CHAIN_ID).logs([asset], 0, 99)
    assert len(right) > 1
    fleet.fronts[liar].trouble = logs_of(change, fleet.chain)
    assert fleet.seen.logs([asset], 0, 99) == right
    assert [view.used for view in fleet.endpoints.health()] == [place != liar for place in range(3)]


def test_logs_are_compared_by_what_they_say_and_not_by_how_it_is_written(fleet: Fleet) -> None:
    asset = minted(fleet)
    right = fleet.seen.logs([asset], 0, 99)

    def otherwise(logs: list[Answer]) -> list[Answer]:
        written = [log | {"address": log["address"].lower(), "removed": None} for log in reversed(logs)]
        return [{key: value for key, value in log.items() if key != "blockTimestamp"} for log in written]

    fleet.fronts[1].trouble = logs_of(otherwise, fleet.chain)
    asked = fleet.asked("eth_getLogs")
    assert fleet.seen.logs([asset], 0, 99) == right
    assert fleet.asked("eth_getLogs") == [asked[0] + 1, asked[1] + 1, asked[2]]


def test_a_range_that_one_finds_too_large_is_no_error_while_two_others_agree(fleet: Fleet) -> None:
    asset = minted(fleet)
    right = fleet.seen.logs([asset], 0, 99)
    refuse = error(-32005, "query returned more than 10000 results")
    fleet.fronts[0].trouble = lambda question: refuse(question) if question["method"] == "eth_getLogs" else None
    assert fleet.seen.logs([asset], 0, 99) == right
    fleet.fronts[1].trouble = fleet.fronts[0].trouble
    with pytest.raises(ChainError, match="more than 10000 results"):
        fleet.seen.logs([asset], 0, 99)


def test_where_no_two_tell_the_same_logs_none_are_believed(fleet: Fleet) -> None:
    asset = minted(fleet)
    fleet.fronts[0].trouble = logs_of(lambda logs: logs[:-1], fleet.chain)
    fleet.fronts[1].trouble = status(503)
    with pytest.raises(Unreachable, match="2 of 3 endpoints answer, and no 2 of them agree"):
        fleet.seen.logs([asset], 0, 99)


def test_logs_that_others_would_confirm_if_asked_less_often_are_waited_for(fleet: Fleet) -> None:
    """Not taken for a range that is too large, which a shorter one would mend."""
    asset = minted(fleet)
    fleet.fronts[1].trouble = status(429)
    for other in (status(500), logs_of(lambda logs: logs[:-1], fleet.chain)):
        fleet.fronts[2].trouble = other
        with pytest.raises(RateLimited):
            fleet.seen.logs([asset], 0, 99)
        fleet.now += LONGEST_REST
    fleet.fronts[1].trouble = fleet.fronts[2].trouble = status(500)
    with pytest.raises(Unreachable, match="1 of 3 endpoints answer, and no 2 of them agree"):
        fleet.seen.logs([asset], 0, 99)


def test_a_transaction_goes_to_all_that_are_well(fleet: Fleet) -> None:
    fleet.fronts[0].trouble = status(500)
    sender = Sender(fleet.seen, fleet.chain.accounts[0], patience_seconds=5.0)
    receipt = sender.transfer(fleet.chain.accounts[1].address, 1)
    assert receipt.block_number == fleet.chain.head().number
    assert fleet.asked("eth_sendRawTransaction")[1:] == [1, 1]


def test_connecting_takes_a_list_of_addresses() -> None:
    with ExitStack() as stack:
        fleet = Fleet(stack)
        urls = [stack.enter_context(ScriptedNode(front.answer)).url for front in fleet.fronts]
        fleet.fronts[0].trouble = status(500)
        chain = Chain.connect(f"{urls[0]}, {urls[1]}\n{urls[2]}", CHAIN_ID)
        assert chain.head() == fleet.chain.head()
        assert [each.used for each in chain.endpoints] == [False, True, True]
