"""What all tests share: sockets are blocked unless a test says that it needs loopback."""

import ipaddress
import socket
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def blocked_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test reaches nothing by network; one marked `network` reaches loopback only."""
    connect = socket.socket.connect
    loopback_allowed = request.node.get_closest_marker("network") is not None

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        local = self.family == socket.AF_UNIX or (host is not None and _is_loopback(str(host)))
        if not (loopback_allowed and local):
            raise RuntimeError(f"this test may not connect to {address!r}; mark it `network` if it needs loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
