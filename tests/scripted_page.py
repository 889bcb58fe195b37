"""A status page on loopback that plays what pages do: validators, refusals, cut and slow answers, redirects."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback import LoopbackServer


@dataclass(frozen=True)
class Play:
    """One answer: `promise` is the length that it announces, `pause` the seconds before each of its two halves."""

    body: bytes = b'{"incidents": []}'
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    promise: int | None = None
    pause: float = 0.0


Script = Callable[[int, Mapping[str, str]], Play]
"""From how many requests there were before, and this one's headers, to the answer."""


class ScriptedPage(LoopbackServer):
    """Answers GET at `url` until `close`; `requests` keeps path and headers of each, `paths` of that under way too."""

    def __init__(self, script: Script) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.paths: list[str] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                page.paths.append(self.path)
                play = script(len(page.requests), headers)
                page.requests.append((self.path, headers))
                self.send_response(play.status)
                for name, value in play.headers.items():
                    self.send_header(name, value)
                if play.status != 304:
                    self.send_header("Content-Length", str(len(play.body) if play.promise is None else play.promise))
                self.end_headers()
                half = len(play.body) // 2
                for part in (play.body[:half], play.body[half:]):
                    time.sleep(play.pause)
                    try:
                        self.wfile.write(part)
                        self.wfile.flush()
                    except OSError:
                        return  # the caller has had enough

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(Handler)
