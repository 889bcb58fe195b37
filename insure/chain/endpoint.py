"""One JSON-RPC endpoint over HTTP: what it answers, or that it does not answer as a node does."""

import json
import time
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import certifi
from pydantic_core import from_json
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from insure.chain.node_errors import asked_too_often
from insure.errors import RateLimited, Unreachable

TIMEOUT_SECONDS = 15.0
"""How long it may be silent."""
LONGEST_ANSWER_SECONDS = 60.0
"""How long one answer may take however little silence there is in it: whoever drips would hold up all that waits."""
LARGEST_ANSWER = 2**27
"""Bytes: more is no answer to any question of ours."""
_CHUNK = 2**16
_CONNECTIONS = 8
"""Kept open: as many as threads ask at once."""
BAD_REQUEST, TOO_MANY_REQUESTS = 400, 429


class Endpoint:
    """One JSON-RPC endpoint over HTTP, safe to use from several threads; its path, which may hold a key, is never told.

    A proxy is taken from the environment as usual, once.
    """

    def __init__(self, url: str) -> None:
        parts = parse_url(url)
        self.host = (parts.host or "the endpoint").strip("[]")
        self._url = url
        self._headers = _headers(parts)
        self._pool = _pool(parts)

    def ask(self, method: str, params: Any) -> dict[str, Any]:
        """The answer, with `result` or `error`.

        Raises `RateLimited` when it is asked too often, `Unreachable` when it does not answer as a node does.
        """
        question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        try:
            status, answer = self._post(question.encode())
        except (HTTPError, OSError, ValueError) as error:
            # the error's text may hold the endpoint's path
            raise Unreachable(f"{method}: {self.host} does not answer ({type(error).__name__})") from None
        told = answer.get("error") if isinstance(answer, dict) else None
        if status == TOO_MANY_REQUESTS or (told is not None and asked_too_often(told)):
            raise RateLimited(f"{method}: {self.host} is asked too often")
        # some say with an error's status what they say in its body too: that a range is too large
        if not isinstance(answer, dict) or (status >= BAD_REQUEST and told is None):
            raise Unreachable(f"{method}: {self.host} does not answer as a node does (HTTP {status})")
        return answer

    def _post(self, question: bytes) -> tuple[int, Any]:
        response = self._pool.urlopen(
            "POST",
            self._url,
            redirect=False,
            body=question,
            headers=self._headers,
            retries=False,
            timeout=TIMEOUT_SECONDS,
            preload_content=False,
        )
        try:
            answer = _read(response)
        except BaseException:
            response.close()  # what is left of it must not be taken for the next answer
            raise
        response.release_conn()
        return response.status, answer


def _headers(url: Url) -> dict[str, str]:
    user = None if url.auth is None else unquote(url.auth)
    usual = make_headers(accept_encoding=True, basic_auth=user, user_agent="insure")
    return {"Content-Type": "application/json"} | usual


def _pool(url: Url) -> PoolManager:
    """Connections to where it leads, by the proxy that the environment names for it, if any."""
    proxy = None if proxy_bypass(url.netloc or "") else getproxies().get(url.scheme or "")
    if proxy is None:
        return PoolManager(maxsize=_CONNECTIONS, ca_certs=certifi.where())
    headers = make_headers(proxy_basic_auth=parse_url(proxy).auth)
    return ProxyManager(proxy, maxsize=_CONNECTIONS, ca_certs=certifi.where(), proxy_headers=headers)


def _read(response: BaseHTTPResponse) -> Any:
    body = bytearray()
    deadline = time.monotonic() + LONGEST_ANSWER_SECONDS
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ValueError("too long")
        if time.monotonic() > deadline:
            raise TimeoutError
    try:
        # not the standard library's: where py-evm has raised the recursion limit, deep nesting ends the process
        return from_json(bytes(body))
    except ValueError:
        if response.status >= BAD_REQUEST:
            return None
        raise
