"""One JSON-RPC endpoint over HTTP: what it answers, or that it does not answer as a node does."""

from threading import local
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic_core import from_json
from requests.exceptions import RequestException

from insure.chain.node_errors import asked_too_often
from insure.errors import RateLimited, Unreachable

TIMEOUT_SECONDS = 15.0
LARGEST_ANSWER = 2**27
"""Bytes: more is no answer to any question of ours."""
_CHUNK = 2**16
BAD_REQUEST, TOO_MANY_REQUESTS = 400, 429


class Endpoint:
    """One JSON-RPC endpoint over HTTP; its path, which may hold a key, is never told."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).hostname or "the endpoint"
        self._url = url
        self._sessions = local()  # one a thread: they are not safe to share

    def ask(self, method: str, params: Any) -> dict[str, Any]:
        """The answer, with `result` or `error`.

        Raises `RateLimited` when it is asked too often, `Unreachable` when it does not answer as a node does.
        """
        question: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            with self._session.post(self._url, json=question, timeout=TIMEOUT_SECONDS, stream=True) as response:
                status, answer = response.status_code, _read(response)
        except (RequestException, OSError, ValueError) as error:
            # the error's text may hold the endpoint's path
            raise Unreachable(f"{method}: {self.host} does not answer ({type(error).__name__})") from None
        told = answer.get("error") if isinstance(answer, dict) else None
        if status == TOO_MANY_REQUESTS or (told is not None and asked_too_often(told)):
            raise RateLimited(f"{method}: {self.host} is asked too often")
        # some say with an error's status what they say in its body too: that a range is too large
        if not isinstance(answer, dict) or (status >= BAD_REQUEST and told is None):
            raise Unreachable(f"{method}: {self.host} does not answer as a node does (HTTP {status})")
        return answer

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "mine"):
            self._sessions.mine = requests.Session()
        return self._sessions.mine  # type: ignore[no-any-return]


def _read(response: requests.Response) -> Any:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ValueError("too long")
    try:
        # not the standard library's: where py-evm has raised the recursion limit, deep nesting ends the process
        return from_json(bytes(body))
    except ValueError:
        if response.status_code >= BAD_REQUEST:
            return None
        raise
