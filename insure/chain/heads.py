"""That the host chain has a new head: heard by WebSocket where one is offered, asked for otherwise. Only a nudge.

What a WebSocket says of a head is never believed, only that it says so: whoever is nudged asks the endpoints, as ever.
So the worst that a server that lies can do is to have the chain looked at too often, and that is bounded, or to keep
silent, and then the head is asked for.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random
from threading import Event, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from insure.chain.urls import require_url
from insure.errors import ChainError

_log = logging.getLogger(__name__)

WEBSOCKET, POLLING = "websocket", "polling"
"""Where new heads are known from."""

LARGEST_MESSAGE = 2**16
"""Bytes: a header has about 2,000."""
_OPEN_SECONDS, _CLOSE_SECONDS, _WAKE_SECONDS = 10.0, 5.0, 0.25
_REQUEST = 1
_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": _REQUEST, "method": "eth_subscribe", "params": ["newHeads"]})


@dataclass(frozen=True)
class Pace:
    """Seconds: how often the head is looked at, which is also the least time between two nudges; after how long
    without a head a WebSocket is given up; how long one that failed rests at first and at most."""

    look: float = 2.0
    quiet: float = 30.0
    first_rest: float = 1.0
    longest_rest: float = 60.0

    def rest(self, failures: int, share: float) -> float:
        """How long to rest after so many failures in a row: doubled each time, and by up to a half (`share`, below 1)
        shorter, so that not all who lost a server come back to it at once."""
        doubled = min(self.first_rest * 2.0 ** min(failures - 1, 32), self.longest_rest)
        return doubled * (1 - share / 2)


class Heads:
    """Calls `nudge` from a thread of its own when the chain has a new head, from `start` until `close`.

    `head` asks for the head; it is used while no head comes by the WebSocket of `ws_url`, or always if that is empty.
    The URL is never told, only its host. Raises `InvalidInput` for a URL that is none.
    """

    def __init__(
        self, head: Callable[[], object], nudge: Callable[[], None], ws_url: str = "", pace: Pace | None = None
    ) -> None:
        if ws_url:
            require_url(ws_url, "ws_url", ("ws", "wss"))
        self._head = head
        self._nudge = nudge
        self._ws_url = ws_url
        self._host = urlsplit(ws_url).hostname
        self._pace = pace or Pace()
        self._last: object = None
        self._heard, self._live, self._stopping = Event(), Event(), Event()
        work = [self._tell, self._listen] if ws_url else [self._tell]
        self._threads = [Thread(target=each, name=f"heads {each.__name__}", daemon=True) for each in work]

    @property
    def source(self) -> str:
        """`websocket` while heads come by it, else `polling`."""
        return WEBSOCKET if self._live.is_set() else POLLING

    def start(self) -> None:
        """Begins to look; once."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends it, and with it the WebSocket's connection; a question that is under way is not waited for long."""
        self._stopping.set()
        self._heard.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_CLOSE_SECONDS)

    # ------------------------------------------------------------- telling

    def _tell(self) -> None:
        failing = False
        while not self._stopping.is_set():
            heard = self._heard.wait(self._pace.look)
            if heard:  # a head that came since the wait ended is for the next look
                self._heard.clear()
            if self._stopping.is_set():
                return
            try:
                if heard or (not self._live.is_set() and self._moved()):
                    self._nudge()
                    # heads that come meanwhile make for one nudge
                    self._stopping.wait(self._pace.look)
                failing = False
            except Exception as error:
                # the edge: whatever it was, the head is looked at again
                if not failing:
                    _log.warning("new heads are not known: %s: %s", type(error).__name__, error)
                failing = True

    def _moved(self) -> bool:
        before, self._last = self._last, self._head()
        return self._last != before

    # ------------------------------------------------------------- listening

    def _listen(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                for _ in self._heads():
                    failures = 0
                    self._live.set()
                    self._heard.set()
                return
            except Exception as error:
                # the edge: whatever a server of somebody else's has the library do, it is tried again
                failures += 1
                rest = self._pace.rest(failures, random())
                level = logging.WARNING if failures == 1 else logging.INFO
                _log.log(level, "%s: %s: no heads from it for %.1f s", self._host, _reason(error), rest)
            finally:
                self._live.clear()
            self._stopping.wait(rest)

    def _heads(self) -> Iterator[None]:
        """One for each head that comes, until `close`; raises as soon as anything else does, or nothing for long."""
        with _opened(self._ws_url) as connection:
            connection.send(_SUBSCRIBE)
            answer = self._next(connection)
            subscription = "" if answer is None else subscription_of(answer)
            while (message := self._next(connection)) is not None:
                if not is_head(message, subscription):
                    raise ChainError("says something else than new heads")
                yield

    def _next(self, connection: ClientConnection) -> str | bytes | None:
        """The next message; None when this is to end."""
        deadline = monotonic() + self._pace.quiet
        while not self._stopping.is_set():
            try:
                return connection.recv(min(_WAKE_SECONDS, self._pace.quiet))
            except TimeoutError:
                if monotonic() >= deadline:
                    raise ChainError(f"says nothing for {self._pace.quiet:g} s") from None
        return None


def try_subscription(ws_url: str) -> None:
    """Has a WebSocket take a subscription to new heads, and leaves; raises `ChainError` when it does not."""
    try:
        with _opened(ws_url) as connection:
            connection.send(_SUBSCRIBE)
            subscription_of(connection.recv(_OPEN_SECONDS))
    except Exception as error:
        # whatever the library raises, its text may hold the URL
        raise ChainError(f"{urlsplit(ws_url).hostname}: {_reason(error)}") from None


def _opened(ws_url: str) -> ClientConnection:
    # no compression: a header is short, and what is unpacked would be another thing to limit
    return connect(
        ws_url,
        open_timeout=_OPEN_SECONDS,
        close_timeout=_CLOSE_SECONDS / 2,
        max_size=LARGEST_MESSAGE,
        compression=None,
    )


def subscription_of(answer: str | bytes) -> str:
    """The name that a node gave the subscription; raises `ChainError` for an answer that has none."""
    told = _object(answer)
    name = told.get("result")
    if told.get("id") != _REQUEST or not isinstance(name, str) or not name:
        raise ChainError("does not take the subscription to new heads")
    return name


def is_head(message: str | bytes, subscription: str) -> bool:
    """Whether a message is a head's, of that subscription."""
    told = _object(message)
    params = told.get("params")
    if told.get("method") != "eth_subscription" or not isinstance(params, dict):
        return False
    header = params.get("result")
    return (
        params.get("subscription") == subscription
        and isinstance(header, dict)
        and isinstance(header.get("number"), str)
        and isinstance(header.get("hash"), str)
    )


def _object(message: str | bytes) -> dict[str, Any]:
    """A message as an object of JSON; empty if it is none."""
    try:
        # not the standard library's: deep nesting may end the process
        told = from_json(message)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _reason(error: Exception) -> str:
    """Why there are no heads, without the text of an error that may hold the URL."""
    if isinstance(error, ChainError):
        return str(error)
    if isinstance(error, InvalidStatus):
        return f"answers HTTP {error.response.status_code}"
    return f"has no WebSocket for us ({type(error).__name__})"
