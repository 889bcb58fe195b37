"""Looking at an insured chain through its nodes: dead, lying and lagging nodes decide nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from insure.chain.embedded import EmbeddedChain, serve
from insure.errors import InvalidInput
from insure.watchtower.probe import EvmProbe, Sighting
from tests.scripted_node import ScriptedNode, block

GENESIS = 1_795_000_000
DEAD = "http://127.0.0.1:9"
"""Where nobody listens."""

pytestmark = pytest.mark.network

Serve = Callable[[int, bytes], str]
Probes = Callable[..., EvmProbe]


@pytest.fixture(scope="module")
def chain() -> EmbeddedChain:
    chain = EmbeddedChain(42_161, GENESIS)
    chain.mine(3)
    return chain


@pytest.fixture(scope="module")
def node(chain: EmbeddedChain) -> Iterator[str]:
    with serve(chain) as served:
        yield served.url


@pytest.fixture
def answering() -> Iterator[Serve]:
    """Nodes that answer every request with the same bytes."""
    with ExitStack() as stack:

        def start(status: int, body: bytes) -> str:
            return stack.enter_context(ScriptedNode(lambda request: (status, body))).url

        yield start


def head(chain: EmbeddedChain) -> Sighting:
    found = chain.head()
    return Sighting(found.number, found.timestamp)


@pytest.fixture
def probe() -> Iterator[Probes]:
    with ExitStack() as stack:

        def make(*urls: str) -> EvmProbe:
            made = EvmProbe(urls, timeout=2.0)
            stack.callback(made.close)
            return made

        yield make


def test_the_head_of_a_node_is_seen_and_its_moves_too(probe: Probes) -> None:
    chain = EmbeddedChain(10, GENESIS)
    with serve(chain) as served:
        looking = probe(served.url)
        assert looking.look() == Sighting(0, GENESIS)
        chain.travel(GENESIS + 600)
        assert looking.look() == Sighting(1, GENESIS + 600)


def test_a_halted_chain_answers_with_a_head_that_stands_still(probe: Probes) -> None:
    chain = EmbeddedChain(10, GENESIS)
    with serve(chain) as served:
        chain.halt()
        chain.travel(GENESIS + 600)
        assert probe(served.url).look() == Sighting(0, GENESIS)


def test_the_time_of_a_block_is_read_by_its_number_and_unknown_of_one_to_come(
    probe: Probes, chain: EmbeddedChain, node: str
) -> None:
    looking = probe(node)
    assert looking.block_time(1) == chain.block(1).timestamp
    assert looking.block_time(chain.head().number + 1) is None


def test_a_dead_node_shows_nothing(probe: Probes) -> None:
    assert probe(DEAD).look() is None
    assert probe(DEAD).block_time(1) is None


def test_a_node_that_went_away_between_two_looks_shows_nothing(probe: Probes) -> None:
    served = serve(EmbeddedChain(10, GENESIS))
    looking = probe(served.url)
    assert looking.look() is not None
    served.close()
    assert probe(served.url).look() is None


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[", "ftp://127.0.0.1/", "http://127.0.0.1:99999"])
def test_what_is_no_address_of_a_node_shows_nothing(probe: Probes, url: str) -> None:
    assert probe(url).look() is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>busy</html>"),
        (200, b"\xff\xfe"),
        (200, b"null"),
        (200, b"[]"),
        (200, b'"text"'),
        (200, b"{}"),
        (200, b'{"result": null}'),
        (200, b'{"result": "0x1"}'),
        (200, b'{"result": {"number": "0x1"}}'),
        (200, b'{"result": {"number": 1, "timestamp": 2}}'),
        (200, b'{"result": {"number": "0xzz", "timestamp": "0x1"}}'),
        (200, b'{"result": {"number": null, "timestamp": "0x1"}}'),
        (200, b'{"error": {"code": -32000, "message": "rate limited"}}'),
        (200, b"[" * 200_000),
        (200, b'{"result": ' + b" " * 17 * 2**20 + b'{"number": "0x1", "timestamp": "0x1"}}'),
        (500, block(1, GENESIS)),
        (302, b""),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_an_answer_that_is_no_block_is_no_answer(probe: Probes, answering: Serve, status: int, body: bytes) -> None:
    looking = probe(answering(status, body))
    assert looking.look() is None
    assert looking.block_time(1) is None


def test_a_node_that_answers_drop_by_drop_is_left_after_the_timeout(probe: Probes) -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the probe hangs up
                for _ in range(100):
                    self.wfile.write(b" ")
                    time.sleep(0.1)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    looking = EvmProbe([f"http://127.0.0.1:{server.server_address[1]}"], timeout=0.5)
    began = time.monotonic()
    assert looking.look() is None
    assert time.monotonic() - began < 5
    looking.close()
    server.shutdown()
    server.server_close()


def test_two_of_three_nodes_are_enough(probe: Probes, chain: EmbeddedChain, node: str) -> None:
    assert probe(node, DEAD, node).look() == head(chain)


def test_one_of_three_nodes_or_one_of_two_is_too_few_and_means_unknown(
    probe: Probes, node: str, answering: Serve
) -> None:
    assert probe(DEAD, node, DEAD).look() is None
    assert probe(node, answering(200, b"garbage")).look() is None


def test_a_probe_without_any_node_is_refused() -> None:
    with pytest.raises(InvalidInput, match="urls is empty"):
        EvmProbe([])


def test_a_node_that_lags_behind_two_others_is_outrun(
    probe: Probes, chain: EmbeddedChain, node: str, answering: Serve
) -> None:
    assert probe(answering(200, block(0, GENESIS)), node, node).look() == head(chain)


def test_of_two_nodes_the_one_that_is_further_counts(
    probe: Probes, chain: EmbeddedChain, node: str, answering: Serve
) -> None:
    assert probe(answering(200, block(0, GENESIS)), node).look() == head(chain)


def test_one_of_three_nodes_can_not_invent_a_head(
    probe: Probes, chain: EmbeddedChain, node: str, answering: Serve
) -> None:
    far_ahead = answering(200, block(10**12, GENESIS))
    same_height_later = answering(200, block(chain.head().number, GENESIS + 10**9))
    assert probe(node, far_ahead, node).look() == head(chain)
    assert probe(same_height_later, node, node).look() == head(chain)


def test_one_of_three_nodes_can_not_hide_or_change_the_time_of_a_block(
    probe: Probes, chain: EmbeddedChain, node: str, answering: Serve
) -> None:
    assert probe(node, answering(200, block(1, 5)), node).block_time(1) == chain.block(1).timestamp


def test_two_nodes_that_differ_about_a_block_leave_its_time_unknown(probe: Probes, node: str, answering: Serve) -> None:
    assert probe(node, answering(200, block(1, 5))).block_time(1) is None
