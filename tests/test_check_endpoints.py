"""What `insure check` says of endpoints: each by itself, with what it leaves out, and never with its key."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from insure.chain.embedded import EmbeddedChain, serve
from insure.ops.check_endpoints import HEADS_APART, check_endpoints
from insure.ops.checking import Check
from insure.records.onchain import FINALIZED
from insure.settings import Settings
from tests.local_installation import Local, install
from tests.scripted_node import ScriptedNode
from tests.scripted_socket import ScriptedSocket, Talk, taken

pytestmark = pytest.mark.network

Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""Makes of a question and its true answer what an endpoint says instead."""


class Host:
    """A host chain and endpoints of it, some of which answer in their own way."""

    def __init__(self, stack: ExitStack) -> None:
        self.local: Local = install()
        self._stack = stack

    def endpoint(self, change: Change = lambda asked, answer: None) -> str:
        def answer(asked: dict[str, Any]) -> tuple[int, bytes]:
            told = json.loads(json.dumps(self.local.chain.node.answer(asked)))  # which the node keeps
            change(asked, told)
            return 200, json.dumps(told).encode()

        return self._stack.enter_context(ScriptedNode(answer)).url

    def talks(self, talk: Talk) -> str:
        return self._stack.enter_context(ScriptedSocket(talk)).url

    def deep(self) -> int:
        chain = self.local.chain
        return chain.deep(chain.head().number, Settings().confirmations)

    def checks(self, *urls: str, **settings: Any) -> dict[str, Check]:
        found, last = check_endpoints(Settings(rpc_url=",".join(urls), **settings), self.local.deployment)
        assert (last is None) == (not any(each.ok for each in found))
        return {each.name: each for each in found}

    def wrong(self, *urls: str, **settings: Any) -> dict[str, str]:
        return {name: each.found for name, each in self.checks(*urls, **settings).items() if not each.ok}


@pytest.fixture
def host() -> Iterator[Host]:
    with ExitStack() as stack:
        yield Host(stack)


def test_sound_endpoints_agree_and_read_what_is_asked_of_them(host: Host) -> None:
    found = host.checks(host.endpoint(), host.endpoint())
    assert all(each.ok for each in found.values()), found
    deep = host.deep()
    assert list(found) == [
        "endpoint 1",
        "endpoint 2",
        "endpoint 1: head",
        "endpoint 2: head",
        f"endpoint 1: block {deep}",
        f"endpoint 2: block {deep}",
        "endpoint 1: logs",
        "endpoint 1: state",
        "endpoint 2: logs",
        "endpoint 2: state",
    ]


def test_each_is_looked_at_by_itself_and_a_key_in_its_path_is_never_shown(host: Host) -> None:
    with serve(EmbeddedChain(5, host.local.now())) as elsewhere:
        found = host.checks(host.endpoint(), "http://127.0.0.1:9/SECRET", elsewhere.url)
    wrong = {name: each for name, each in found.items() if not each.ok}
    assert wrong.keys() == {"endpoint 2", "endpoint 3"}
    assert "serves chain 5" in wrong["endpoint 3"].found
    assert "SECRET" not in str(found)


def at_head(change: Callable[[dict[str, Any]], None]) -> Change:
    def make(asked: dict[str, Any], answer: dict[str, Any]) -> None:
        if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
            change(answer["result"])

    return make


def test_one_that_lags_is_named(host: Host) -> None:
    host.local.chain.mine(HEADS_APART + 1)
    late = host.local.chain.head().number - HEADS_APART - 1
    lagging = host.endpoint(at_head(lambda block: block.update(number=hex(late))))
    assert host.wrong(lagging, host.endpoint()) == {"endpoint 1: head": f"{HEADS_APART + 1} behind"}


def other_hash(asked: dict[str, Any], answer: dict[str, Any]) -> None:
    if asked["method"] == "eth_getBlockByNumber":
        answer["result"]["hash"] = "0x" + "ab" * 32


def test_one_that_has_another_block_than_most_is_named(host: Host) -> None:
    wrong = host.wrong(host.endpoint(), host.endpoint(other_hash), host.endpoint())
    deep = host.deep()
    assert wrong == {f"endpoint 2: block {deep}": "0x" + "ab" * 32}


def refusing(method: str) -> Change:
    def refuse(asked: dict[str, Any], answer: dict[str, Any]) -> None:
        if asked["method"] == method:
            del answer["result"]
            answer["error"] = {"code": -32000, "message": "missing trie node"}

    return refuse


@pytest.mark.parametrize(("method", "what"), [("eth_getLogs", "logs"), ("eth_getTransactionCount", "state")])
def test_one_that_does_not_serve_logs_or_the_state_of_blocks_that_are_deep_is_named(
    host: Host, method: str, what: str
) -> None:
    wrong = host.wrong(host.endpoint(), host.endpoint(refusing(method)))
    assert wrong == {f"endpoint 2: {what}": f"{method}: missing trie node"}


def test_one_that_knows_no_final_block_is_named_where_that_is_the_depth(host: Host) -> None:
    def forgetful(asked: dict[str, Any], answer: dict[str, Any]) -> None:
        if asked["params"][:1] == [FINALIZED]:
            answer["result"] = None

    wrong = host.wrong(host.endpoint(), host.endpoint(forgetful), confirmations=FINALIZED)
    assert wrong == {"endpoint 2": "chain 31337 has no block finalized"}


def test_private_endpoints_are_asked_one_by_one_and_given_nothing(host: Host) -> None:
    asked: list[str] = []
    private = host.endpoint(lambda question, answer: asked.append(question["method"]))
    found = host.checks(host.endpoint(), private_rpc_url=f"{private} http://127.0.0.1:9/SECRET SECRET")
    assert [found[f"private endpoint {number}"].ok for number in (1, 2, 3)] == [True, False, False]
    assert set(asked) == {"eth_chainId"}
    assert "SECRET" not in str(found)


def test_a_websocket_must_take_a_subscription(host: Host) -> None:
    def says(answer: str) -> Talk:
        def talk(connection: ServerConnection) -> None:
            connection.recv()
            connection.send(answer)

        return talk

    well = host.endpoint()
    assert host.wrong(well, ws_url=host.talks(says(taken()))) == {}
    refused = host.wrong(well, ws_url=host.talks(says("{}")) + "/SECRET")
    assert refused == {"websocket": "127.0.0.1: does not take the subscription to new heads"}
    nobody = host.wrong(well, ws_url="ws://127.0.0.1:9/SECRET")
    assert nobody == {"websocket": "127.0.0.1: has no WebSocket for us (ConnectionRefusedError)"}
