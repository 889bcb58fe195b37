"""A WebSocket on loopback that says what a test wants it to."""

import json
from collections.abc import Callable
from threading import Thread
from typing import Self

from websockets.sync.server import ServerConnection, serve

SUBSCRIPTION = "0xcd0c3e8af590364c09d0fa6a1210faf5"

Talk = Callable[[ServerConnection], None]
"""All that is said on one connection; it is closed when this returns."""


def taken() -> str:
    """The answer of a node that takes a subscription."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": SUBSCRIPTION})


def head(number: int = 1, subscription: str = SUBSCRIPTION) -> str:
    """What a node says of a new head."""
    header = {"number": hex(number), "hash": f"0x{number:064x}", "parentHash": f"0x{number - 1:064x}"}
    params = {"subscription": subscription, "result": header}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


class ScriptedSocket:
    """Talks at `url` until `close`: the first connection as the first talk says, each later one as its own or the
    last."""

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self._server = serve(self._talk, "127.0.0.1", 0)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def _talk(self, connection: ServerConnection) -> None:
        talk = self._talks.pop(0) if len(self._talks) > 1 else self._talks[0]
        talk(connection)

    def close(self) -> None:
        self._server.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
