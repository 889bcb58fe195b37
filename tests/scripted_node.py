"""A node on loopback that answers as a test wants it to: garbage, lies, or nothing any more."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback import LoopbackServer

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
"""From a request to the status and the body of its answer."""


def block(number: int, timestamp: int) -> bytes:
    """The answer of a node to a request for a block."""
    result = {"number": hex(number), "timestamp": hex(timestamp)}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


class ScriptedNode(LoopbackServer):
    """Answers at `url` until `close`; every request on a connection of its own."""

    def __init__(self, answer: Answer) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, body = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(Handler)
