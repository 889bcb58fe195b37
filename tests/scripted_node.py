"""A node on loopback that answers as a test wants it to: garbage, lies, or nothing any more."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
"""From a request to the status and the body of its answer."""


def block(number: int, timestamp: int) -> bytes:
    """The answer of a node to a request for a block."""
    result = {"number": hex(number), "timestamp": hex(timestamp)}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


class ScriptedNode:
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "ScriptedNode":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
