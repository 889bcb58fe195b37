"""One endpoint over HTTP: how a question goes out, and which answers are none."""

import gzip
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from insure.chain import endpoint
from insure.chain.endpoint import Endpoint
from insure.errors import RateLimited, Unreachable
from tests.loopback import LoopbackServer

pytestmark = pytest.mark.network

ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x" + "ab" * 5_000}).encode()
Reply = Callable[[BaseHTTPRequestHandler], None]


class Node(LoopbackServer):
    """Answers each request, on connections that stay open, as `reply` does; keeps what it was asked and over what."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.callers: set[object] = set()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                node.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                node.callers.add(self.client_address)
                reply(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda request, client: None  # type: ignore[method-assign]


def whole(handler: BaseHTTPRequestHandler, body: bytes = ANSWER, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def in_chunks(handler: BaseHTTPRequestHandler) -> None:
    body = gzip.compress(ANSWER)
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    for start in range(0, len(body), 7):
        part = body[start : start + 7]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    handler.wfile.write(b"0\r\n\r\n")


@pytest.mark.parametrize("reply", [whole, in_chunks])
def test_an_answer_is_read_however_it_is_sent_and_the_connection_is_used_again(reply: Reply) -> None:
    with Node(reply) as node:
        one = Endpoint(node.url + "/v3/key?a=b")
        for _ in range(3):
            assert one.ask("eth_call", [{}, "latest"]) == json.loads(ANSWER)
    assert [path for path, _ in node.asked] == ["/v3/key?a=b"] * 3
    assert len(node.callers) == 1


def test_user_and_password_of_the_address_are_sent_as_such() -> None:
    with Node(whole) as node:
        Endpoint(node.url.replace("http://", "http://us%40er:pass@")).ask("eth_chainId", [])
    assert node.asked[0][1]["authorization"] == "Basic dXNAZXI6cGFzcw=="


def test_the_environments_proxy_is_asked_but_for_those_it_excepts(monkeypatch: pytest.MonkeyPatch) -> None:
    with Node(whole) as node:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, node.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        Endpoint("http://node.example/key").ask("eth_chainId", [])
        Endpoint(node.url + "/key").ask("eth_chainId", [])
    assert [path for path, _ in node.asked] == ["http://node.example/key", "/key"]


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1_000):
        handler.wfile.write(b" ")
        time.sleep(0.01)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def half(handler: BaseHTTPRequestHandler) -> None:
    whole(handler, ANSWER[:50], Content_Length=str(len(ANSWER)))
    handler.close_connection = True


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    whole(handler, b"", 307, Location="http://127.0.0.1:1/")


@pytest.mark.parametrize("reply", [drip, silent, half, elsewhere, lambda handler: whole(handler, b"<html>", 503)])
def test_who_drips_is_silent_stops_halfway_or_sends_elsewhere_does_not_answer_as_a_node(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(endpoint, "LONGEST_ANSWER_SECONDS", 0.3)
    with Node(reply) as node, pytest.raises(Unreachable, match=r"^eth_chainId: 127\.0\.0\.1 does not answer") as caught:
        Endpoint(node.url + "/SECRET").ask("eth_chainId", [])
    assert "SECRET" not in str(caught.value)


def test_an_answer_that_is_too_long_is_none_and_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "LARGEST_ANSWER", 100)
    monkeypatch.setattr(endpoint, "_CHUNK", 64)
    with Node(whole) as node:
        one = Endpoint(node.url)
        with pytest.raises(Unreachable):
            one.ask("eth_chainId", [])
        monkeypatch.setattr(endpoint, "LARGEST_ANSWER", 10**6)
        assert one.ask("eth_chainId", []) == json.loads(ANSWER)


def test_who_is_asked_too_often_says_so_by_status() -> None:
    with Node(lambda handler: whole(handler, b"slow down", 429)) as node, pytest.raises(RateLimited):
        Endpoint(node.url).ask("eth_chainId", [])
