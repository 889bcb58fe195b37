"""Asking sources, with manners: conditional, no more than one request a while, patient with those that are busy."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from insure.errors import SourceError
from insure.ingest.archive import Archive, Entry
from insure.ingest.incidents import LARGEST_BYTES

_log = logging.getLogger(__name__)

_BUSY = frozenset({429, 500, 502, 503, 504})
_USER_AGENT = "insure-outage-ingest"


@dataclass(frozen=True)
class Manners:
    """How sources are asked; seconds. A request that takes longer than `patience` in all is given up."""

    between: float = 1.0
    timeout: float = 10.0
    patience: float = 60.0
    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 120.0
    largest_bytes: int = LARGEST_BYTES


class _Again(Exception):
    """The request may succeed later; `wait` is what the source asks for, seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Fetcher:
    """Asks addresses and archives what they answer, before anything is made of it.

    `now` is UTC seconds, `clock` and `sleep` a steady time and waiting, `chance` a random number of [0, 1).
    """

    def __init__(
        self,
        archive: Archive,
        now: Callable[[], int],
        manners: Manners | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.archive = archive
        self._now = now
        self._manners = manners or Manners()
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._asked: dict[str, float] = {}
        self._http = httpx.Client(timeout=self._manners.timeout, headers={"User-Agent": _USER_AGENT})

    def close(self) -> None:
        """Lets the connections go."""
        self._http.close()

    def fetch(self, source: str, url: str) -> bytes:
        """What the address answers now; the archived answer if it says that nothing has changed.

        Raises `SourceError` if it refuses or is gone, if its answer is empty or too large, or if it stays busy or out
        of reach through all attempts.
        """
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise SourceError(f"{source}: {url!r} must begin with http:// or https:// and name a host")
        known = self.archive.latest(url)
        wait = self._manners.first_wait
        for attempt in range(1, self._manners.attempts + 1):
            try:
                return self._ask(source, url, known)
            except _Again as error:
                asked = error.wait
                if attempt == self._manners.attempts or (asked is not None and asked > self._manners.longest_wait):
                    raise SourceError(f"{source}: {error}, after {attempt} attempts") from None
                pause = asked if asked is not None else wait * (0.5 + self._chance())
                _log.info("%s: %s; again in %.1f s", source, error, pause)
                self._sleep(pause)
                wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, source: str, url: str, known: Entry | None) -> bytes:
        self._wait_turn(url)
        deadline = self._clock() + self._manners.patience
        try:
            with self._http.stream("GET", url, headers=_conditions(known)) as answer:
                if answer.status_code == httpx.codes.NOT_MODIFIED and known is not None:
                    return self.archive.body(known.sha256)
                self._check(source, url, answer)
                body = self._body(source, answer, deadline)
        except httpx.HTTPError as error:
            raise _Again(f"{_host(url)} does not answer as it should ({type(error).__name__})") from None
        if not body.strip():
            raise SourceError(f"{source}: {_host(url)} answers with nothing")
        headers = answer.headers
        etag, last_modified = headers.get("etag", ""), headers.get("last-modified", "")
        self.archive.keep(body, source, url, self._now(), etag, last_modified)
        return body

    def _wait_turn(self, url: str) -> None:
        host = _host(url)
        ready = self._asked.get(host, float("-inf")) + self._manners.between
        if (pause := ready - self._clock()) > 0:
            self._sleep(pause)
        self._asked[host] = self._clock()

    def _check(self, source: str, url: str, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in _BUSY:
            raise _Again(f"{_host(url)} answers {status}", _retry_after(answer, self._now()))
        if status != httpx.codes.OK:
            where = f" to {answer.headers['location'][:200]}" if "location" in answer.headers else ""
            raise SourceError(f"{source}: {_host(url)} answers {status}{where}: must be 200")

    def _body(self, source: str, answer: httpx.Response, deadline: float) -> bytes:
        """All of it, if it comes in time and is not too large."""
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > self._manners.largest_bytes:
                raise SourceError(f"{source}: answer has more than {self._manners.largest_bytes:,} bytes")
            if self._clock() > deadline:
                raise _Again(f"the answer is not whole after {self._manners.patience:g} s")
            parts.append(part)
        return b"".join(parts)


def _conditions(known: Entry | None) -> dict[str, str]:
    if known is None:
        return {}
    found = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in found.items() if value}


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _retry_after(answer: httpx.Response, now: int) -> float | None:
    """Seconds that the source asks to wait, whichever way it says so."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
