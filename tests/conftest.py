"""What all tests share: sockets are blocked unless a test says that it needs loopback; a database of each kind."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from insure.chain.anvil import BINARY
from tests.postgres import PostgresServer, binaries, postgres

# no test fails for being slow: machines are shared
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `anvil` needs the real node."""
    if item.get_closest_marker("anvil") is not None and not BINARY.is_file():
        pytest.skip("anvil is not installed")


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a process."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed here: nothing was tested on it")
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind that the store knows."""
    return _database(request, tmp_path, empty=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same without any table."""
    return _database(request, tmp_path, empty=True)


def _database(request: pytest.FixtureRequest, folder: Path, empty: bool) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder / ('empty.sqlite' if empty else 'mirror.sqlite')}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database(empty)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
