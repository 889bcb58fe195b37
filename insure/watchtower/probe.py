"""Asks the nodes of an insured chain how far it has come."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from insure.errors import InvalidInput

_LONGEST_ANSWER = 16 * 2**20
"""Bytes; the largest blocks' lists of transactions are a tenth of it."""
_MOST_BRACKETS = 5_000


@dataclass(frozen=True)
class Sighting:
    """A head that nodes showed: block number and its timestamp (UTC seconds)."""

    height: int
    block_time: int


class EvmProbe:
    """One insured EVM chain behind one or more independent nodes.

    A chain that stands still shows a head that does not move; a node that does not answer shows nothing, and fewer
    answers than two thirds are "unknown", never "down". The head in the middle of the answers counts, of an even
    number the further one: from three nodes on, one that is stuck or invents blocks changes nothing. Raises
    `InvalidInput` without any node.
    """

    def __init__(self, urls: Sequence[str], timeout: float = 3.0) -> None:
        if not urls:
            raise InvalidInput("urls is empty: a chain is looked at through one node or more")
        self.urls = tuple(urls)
        self._timeout = timeout
        self._client = httpx.Client(timeout=timeout)

    def look(self) -> Sighting | None:
        """The middle one of the heads now; None when fewer than two thirds of the nodes answered."""
        sightings = [each for each in self._ask_all("latest") if each is not None]
        if 3 * len(sightings) < 2 * len(self.urls):
            return None
        ordered = sorted(sightings, key=lambda each: (each.height, each.block_time))
        return ordered[len(ordered) // 2]

    def block_time(self, height: int) -> int | None:
        """The timestamp of one block; None unless more than half of those who could tell say the same."""
        times = Counter(each.block_time for each in self._ask_all(hex(height)) if each is not None)
        for block_time, count in times.items():
            if 2 * count > times.total():
                return block_time
        return None

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _ask_all(self, block: str) -> list[Sighting | None]:
        if len(self.urls) == 1:
            return [self._ask(self.urls[0], block)]
        with ThreadPoolExecutor(len(self.urls)) as pool:
            return list(pool.map(lambda url: self._ask(url, block), self.urls))

    def _ask(self, url: str, block: str) -> Sighting | None:
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [block, False]}
        try:
            result = json.loads(self._fetch(url, request))["result"]
            return Sighting(int(result["number"], 16), int(result["timestamp"], 16))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
            # whatever a node answers that is no block is no answer
            return None

    def _fetch(self, url: str, request: dict[str, object]) -> bytes:
        """What a node answers; raises `ValueError` when it goes on too long or would overwhelm who reads it."""
        deadline = time.monotonic() + self._timeout
        body = b""
        with self._client.stream("POST", url, json=request) as response:
            for piece in response.raise_for_status().iter_bytes():
                body += piece
                if len(body) > _LONGEST_ANSWER or time.monotonic() > deadline:
                    raise ValueError("the answer does not end")
        if body.count(b"[") + body.count(b"{") > _MOST_BRACKETS:
            raise ValueError("the answer is nested too deeply to be read on this stack")
        return body
