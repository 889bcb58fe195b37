"""New heads, heard or asked for: whatever a WebSocket says or does, it is a nudge or it is nothing."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from threading import Event, Semaphore
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.heads import LARGEST_MESSAGE, POLLING, WEBSOCKET, Heads, Pace, is_head, subscription_of
from insure.errors import ChainError, InvalidInput, Unreachable
from tests.scripted_socket import SUBSCRIPTION, ScriptedSocket, Talk, head, taken

FAST = Pace(look=0.01, quiet=60.0, first_rest=0.01, longest_rest=0.02)
SECRET = "s3cret-key"


def node(*messages: str | bytes) -> Talk:
    """Takes the subscription, says the messages, and listens until the other side goes."""

    def talk(connection: ServerConnection) -> None:
        asked = json.loads(connection.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        for message in (taken(), *messages):
            connection.send(message)
        listen(connection)

    return talk


def listen(connection: ServerConnection) -> None:
    try:
        while True:
            connection.recv()
    except ConnectionClosed:
        pass


class Watch:
    """What heads made of it: nudges that a test takes one by one, and how often the head was asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.nudges, self.asked = Semaphore(0), Semaphore(0)
        self.events: list[str] = []
        self.head: Callable[[], object] = lambda: 7

    def start(self, *talks: Talk, pace: Pace = FAST) -> Heads:
        url = self._stack.enter_context(ScriptedSocket(*talks)).url if talks else ""
        return self.follow(url, pace)

    def follow(self, url: str, pace: Pace = FAST) -> Heads:
        def ask() -> object:
            self.events.append("asked")
            self.asked.release()
            return self.head()

        def nudge() -> None:
            self.events.append("nudged")
            self.nudges.release()

        heads = Heads(ask, nudge, url, pace)
        self._stack.callback(heads.close)
        heads.start()
        return heads

    def nudged(self) -> bool:
        return self.nudges.acquire(timeout=30)

    def looked(self, times: int) -> bool:
        return all(self.asked.acquire(timeout=30) for _ in range(times))


@pytest.fixture
def watch() -> Iterator[Watch]:
    with ExitStack() as stack:
        yield Watch(stack)


def heard(heads: Heads, watch: Watch) -> None:
    """Comes back once heads come by WebSocket: a nudge may have been for a head that was asked for."""
    while heads.source != WEBSOCKET:
        assert watch.nudged()


# Asking


def test_without_a_websocket_the_head_is_asked_for_and_each_change_is_a_nudge(watch: Watch) -> None:
    numbers = iter([7, 7, 8, 8, 9])
    watch.head = lambda: next(numbers, 9)
    heads = watch.start()
    assert watch.looked(10)
    heads.close()
    assert [watch.nudges.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]
    assert heads.source == POLLING


def test_a_chain_that_does_not_answer_is_told_once_and_asked_again(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    well = Event()

    def ask() -> object:
        if not well.is_set():
            raise Unreachable("any of 3 endpoints does not answer")
        return 7

    watch.head = ask
    heads = watch.start()
    assert watch.looked(5)
    well.set()
    assert watch.nudged()
    heads.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["new heads are not known: Unreachable: any of 3 endpoints does not answer"]


def test_nudging_goes_on_after_one_that_failed(watch: Watch) -> None:
    numbers, over = count(), Semaphore(0)

    def nudge() -> None:
        over.release()
        raise RuntimeError("the board is broken")

    heads = Heads(lambda: next(numbers), nudge, pace=FAST)
    heads.start()
    assert all(over.acquire(timeout=30) for _ in range(3))
    heads.close()


# Listening


@pytest.mark.network
def test_a_head_by_websocket_is_a_nudge_and_nothing_is_asked_for(watch: Watch) -> None:
    more = Semaphore(0)

    def talk(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(taken())
        connection.send(head(0))
        for number in range(1, 9):
            assert more.acquire(timeout=30)
            connection.send(head(number))
        listen(connection)

    heads = watch.start(talk)
    heard(heads, watch)
    for _ in range(8):
        more.release()
        assert watch.nudged()
    heads.close()
    assert watch.events[-4:] == ["nudged"] * 4, "whoever is nudged asks, not this"


@pytest.mark.network
def test_a_flood_of_heads_is_one_nudge_until_it_is_time_for_the_next(watch: Watch) -> None:
    back = Event()
    flood = node(*(head(number) for number in range(500)), "the end")
    heads = watch.start(flood, lambda connection: back.set(), pace=Pace(look=3_600.0, first_rest=0.01))
    assert back.wait(30)
    assert watch.nudged()
    heads.close()
    assert watch.events == ["nudged"]


DEEP = "[" * 20_000
TROUBLES: dict[str, tuple[str | bytes, ...]] = {
    "garbage": ("<html>Bad gateway</html>",),
    "nothing": ("",),
    "nested without end": (DEEP,),
    "a list": ("[]",),
    "binary": (b"\xff\x00",),
    "another subscription": (head(subscription="0xother"),),
    "a head that is none": (json.dumps({"method": "eth_subscription", "params": {"subscription": SUBSCRIPTION}}),),
    "too long": ("x" * (LARGEST_MESSAGE + 1),),
    "a head too long": (head()[:-1] + " " * LARGEST_MESSAGE + "}",),
}


@pytest.mark.network
@pytest.mark.parametrize("messages", TROUBLES.values(), ids=TROUBLES)
def test_one_that_says_anything_else_is_left_and_tried_again(
    watch: Watch, messages: tuple[str | bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    back, over = Event(), Event()

    def again(connection: ServerConnection) -> None:
        back.set()
        assert over.wait(30)
        node(head())(connection)

    heads = watch.start(node(*messages), again)
    assert back.wait(30)
    assert heads.source == POLLING
    assert watch.looked(3), "the head is asked for meanwhile"
    over.set()
    heard(heads, watch)
    assert "127.0.0.1: " in caplog.text and "html" not in caplog.text


def refuse(connection: ServerConnection) -> None:
    connection.recv()
    error = {"code": -32_000, "message": f"notifications not supported for {SECRET}"}
    connection.send(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}))
    listen(connection)


def other_answer(connection: ServerConnection) -> None:
    connection.recv()
    connection.send(json.dumps({"jsonrpc": "2.0", "id": 2, "result": SUBSCRIPTION}))
    listen(connection)


@pytest.mark.network
@pytest.mark.parametrize("talk", [lambda connection: None, refuse, other_answer], ids=["closes", "refuses", "another"])
def test_one_that_takes_no_subscription_is_tried_again_and_the_head_is_asked_for(watch: Watch, talk: Talk) -> None:
    heads = watch.start(talk, talk, node(head()))
    assert watch.nudged()
    heard(heads, watch)


@pytest.mark.network
def test_one_that_goes_while_it_is_heard_is_followed_again(watch: Watch) -> None:
    def brief(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(taken())
        connection.send(head())

    back = Event()

    def again(connection: ServerConnection) -> None:
        back.set()
        node(head(2))(connection)

    heads = watch.start(brief, again)
    assert back.wait(30)
    heard(heads, watch)


@pytest.mark.network
def test_one_that_keeps_silent_is_given_up_and_the_head_asked_for_meanwhile(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    back = Event()

    def again(connection: ServerConnection) -> None:
        back.set()
        listen(connection)

    watch.start(node(), again, pace=Pace(look=0.01, quiet=0.01, first_rest=0.01))
    assert watch.looked(2)
    assert back.wait(30)
    assert "says nothing for 0.01 s" in caplog.text


@pytest.mark.network
def test_where_nobody_listens_the_head_is_asked_for_and_the_address_is_not_told(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    heads = watch.follow(f"ws://127.0.0.1:9/v3/{SECRET}")
    assert watch.nudged()
    heads.close()
    assert "127.0.0.1: has no WebSocket for us (" in caplog.text
    assert SECRET not in caplog.text and SECRET not in repr(heads)


@pytest.mark.network
def test_closing_ends_the_connection_and_all_nudges(watch: Watch) -> None:
    gone = Event()

    def talk(connection: ServerConnection) -> None:
        node(head())(connection)
        gone.set()

    heads = watch.start(talk)
    heard(heads, watch)
    heads.close()
    assert heads.source == POLLING
    assert gone.wait(30)
    assert not any(thread.is_alive() for thread in heads._threads)


def test_a_head_that_is_heard_just_when_the_wait_for_it_ends_is_not_lost() -> None:
    nudged = Event()
    heads = Heads(lambda: 7, nudged.set, pace=FAST)

    class Late(Event):
        def wait(self, timeout: float | None = None) -> bool:
            seen = super().wait(timeout)
            if not seen and not heads._live.is_set():  # now comes what the listening thread does
                heads._live.set()
                self.set()
            return seen

    heads._heard = Late()
    heads.start()
    assert nudged.wait(10)
    heads.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://node.example/v3/{SECRET}", " 'https://node.example'"),
        (f"ws:///{SECRET}", ""),
        (SECRET, ""),
    ],
)
def test_an_address_that_is_no_websocket_is_refused_and_not_told(url: str, shown: str) -> None:
    with pytest.raises(InvalidInput, match=f"ws_url{shown} must begin with ws:// or wss:// and name a host") as caught:
        Heads(lambda: 7, lambda: None, url)
    assert SECRET not in str(caught.value)


# The messages


@pytest.mark.parametrize("answer", [taken(), taken().encode()])
def test_the_name_of_the_subscription_is_in_the_answer(answer: str | bytes) -> None:
    assert subscription_of(answer) == SUBSCRIPTION


@pytest.mark.parametrize("result", [None, 5, "", [], {}])
def test_an_answer_without_a_name_is_refused(result: Any) -> None:
    with pytest.raises(ChainError, match="does not take the subscription"):
        subscription_of(json.dumps({"id": 1, "result": result}))


@pytest.mark.parametrize("header", [None, 5, "0x1", [], {}, {"number": 1, "hash": "0x1"}, {"number": "0x1"}])
def test_what_has_no_number_and_hash_is_no_head(header: Any) -> None:
    params = {"subscription": SUBSCRIPTION, "result": header}
    assert not is_head(json.dumps({"method": "eth_subscription", "params": params}), SUBSCRIPTION)
    assert is_head(head(), SUBSCRIPTION)


def test_rests_grow_to_the_longest_and_are_shortened_by_up_to_a_half() -> None:
    rests = [Pace().rest(failures, 0.0) for failures in range(1, 100)]
    assert rests[:3] == [1.0, 2.0, 4.0]
    assert rests == sorted(rests) and rests[-1] == Pace().longest_rest
    assert 15.0 < Pace(longest_rest=30.0).rest(99, 0.999) < 15.1


# A real node


@pytest.mark.network
@pytest.mark.anvil
def test_a_nodes_own_heads_are_heard(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    with AnvilProcess(chain_id=901, genesis_time=1_702_600_000) as process, caplog.at_level(logging.INFO):
        chain = AnvilChain(process.url)
        watch.head = chain.head
        heads = watch.follow(process.url.replace("http", "ws"))
        while heads.source != WEBSOCKET:
            chain.mine()
            assert watch.nudged()
        while watch.nudges.acquire(blocking=False):
            pass
        chain.mine()
        assert watch.nudged()
        heads.close()
    assert caplog.text == ""
