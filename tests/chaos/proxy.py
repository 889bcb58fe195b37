"""Three endpoints of one node, each of which can be made to fail or to lie as endpoints do."""

import http.client
import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.loopback import LoopbackServer

TRANSPORT = ("timeout", "reset", "http 429", "http 503", "garbage", "half an answer", "null")
"""What all endpoints may do at once: nothing gets through, and nothing wrong does."""
LIES = ("stale", "wrong chain", "half the logs")
"""What one of three may do: the others outvote it."""

ANSWER_SECONDS = 5.0


class Proxy(LoopbackServer):
    """One endpoint at `url`; `fault` is what is wrong with it now, `share` how many of its answers it spoils."""

    def __init__(self, node_url: str, seed: int) -> None:
        self.node_url = node_url
        self.fault = ""
        self.share = 1.0
        self.frozen: dict[str, Any] | None = None
        self._random = random.Random(seed)
        self._connections = threading.local()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = proxy.answer(body)
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, content, told_length = answer
                self.send_response(status)
                self.send_header("Content-Length", str(told_length))
                self.end_headers()
                self.wfile.write(content)
                if told_length != len(content):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(Handler)
        self._server.daemon_threads = True
        # a client that was killed is no news
        self._server.handle_error = lambda request, client: None  # type: ignore[method-assign]

    def answer(self, body: bytes) -> tuple[int, bytes, int] | None:
        """Status, body, and the length that is told; None to cut the connection."""
        fault = self.fault if self._random.random() < self.share else ""
        content = b"<html>busy</html>"
        if fault == "reset":
            return None
        if fault == "timeout":
            time.sleep(0.7)
        if fault == "http 429":
            return 429, content, len(content)
        if fault == "http 503":
            return 503, content, len(content)
        if fault == "garbage":
            return 200, b"\x00{]" * 9, 27
        if fault == "null":
            return 200, b"null", 4
        content = self._lie(fault, json.loads(body)) if fault in LIES else self._ask(body)
        if fault == "half an answer":
            return 200, content[: len(content) // 2], len(content)
        return 200, content, len(content)

    def set(self, fault: str, share: float = 1.0) -> None:
        """From now on; an endpoint that goes stale stays at the block that is the head now."""
        if fault == "stale":
            head = b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",false]}'
            self.frozen = json.loads(self._ask(head))["result"]
        self.fault, self.share = fault, share

    def _ask(self, body: bytes) -> bytes:
        if not hasattr(self._connections, "mine"):
            self._connections.mine = http.client.HTTPConnection(urlsplit(self.node_url).netloc, timeout=ANSWER_SECONDS)
        connection: http.client.HTTPConnection = self._connections.mine
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return connection.getresponse().read()

    def _lie(self, fault: str, question: dict[str, Any]) -> bytes:
        method, params = question["method"], question["params"]
        if fault == "wrong chain":
            return json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": hex(5)}).encode()
        if fault == "stale" and self.frozen is not None:
            last = int(self.frozen["number"], 16)
            if method == "eth_getBlockByNumber" and (params[0] == "latest" or int(params[0], 16) > last):
                result = self.frozen if params[0] == "latest" else None
                return json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": result}).encode()
            if "latest" in params:
                question["params"] = [hex(last) if each == "latest" else each for each in params]
            if method == "eth_sendRawTransaction":
                refused = {"code": -32000, "message": "node is syncing"}
                return json.dumps({"jsonrpc": "2.0", "id": question["id"], "error": refused}).encode()
        if fault == "half the logs" and method == "eth_getLogs":
            told = json.loads(self._ask(json.dumps(question).encode()))
            return json.dumps(told | {"result": told["result"][::2]}).encode()
        return self._ask(json.dumps(question).encode())
