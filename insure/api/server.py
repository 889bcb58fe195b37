"""Serves an ASGI app on loopback or elsewhere from a thread, for as long as the caller wants."""

import socket
import threading
import time
from typing import Any

import uvicorn

from insure.errors import NotConfigured, Unreachable

_START_SECONDS = 15.0


class Server:
    """A running HTTP server; `url` is where it answers. Port 0 takes a free one.

    Raises `NotConfigured` when the port is in use or the host is none of this machine's.
    """

    def __init__(self, app: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = _listen(host, port)
        named = f"[{host}]" if ":" in host else host
        self.url = f"http://{named}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.close()
                raise Unreachable(f"the server at {self.url} did not start")
            time.sleep(0.01)

    def wait(self) -> None:
        """Returns when the server stops, or at Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """Lets requests under way finish and stops."""
        self._server.should_exit = True
        self._thread.join(_START_SECONDS)
        self._socket.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def require_free(host: str, port: int) -> None:
    """Raises `NotConfigured` now if a server could not take the port, before long work is done in vain."""
    _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise NotConfigured(f"port {port} on {host} can't be used: {reason}; choose another port or host") from error
    return listener
