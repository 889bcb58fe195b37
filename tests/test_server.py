"""Serving an app from a thread: where it answers, what is told when it can't, and that it ends when it should."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from insure.api.server import Server, require_free
from insure.errors import NotConfigured, Unreachable

pytestmark = pytest.mark.network


def app() -> FastAPI:
    served = FastAPI()

    @served.get("/ping")
    def ping() -> str:
        return "pong"

    @served.get("/slow")
    def slow() -> str:
        time.sleep(0.4)
        return "done"

    return served


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_it_answers_where_it_says_until_it_is_closed() -> None:
    with Server(app()) as server:
        assert httpx.get(f"{server.url}/ping").json() == "pong"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/ping")


def test_port_0_takes_a_free_one_each_time() -> None:
    with Server(app()) as one, Server(app()) as other:
        assert one.url != other.url
        assert httpx.get(f"{other.url}/ping").status_code == 200


def test_a_port_in_use_is_one_clear_error_before_and_at_the_start(taken: int) -> None:
    for attempt in (lambda: require_free("127.0.0.1", taken), lambda: Server(app(), port=taken)):
        with pytest.raises(NotConfigured) as caught:
            attempt()
        assert str(caught.value) == (
            f"port {taken} on 127.0.0.1 can't be used: Address already in use; choose another port or host"
        )


def test_a_port_on_which_a_server_of_ours_runs_is_in_use() -> None:
    with Server(app()) as server, pytest.raises(NotConfigured, match="already in use"):
        require_free("127.0.0.1", int(server.url.rpartition(":")[2]))


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(NotConfigured, match=f"port {port} on 127.0.0.1 can't be used: .*0-65535"):
        require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(NotConfigured, match=r"on 192\.0\.2\.1 can't be used"):
        Server(app(), host="192.0.2.1")


def test_a_port_that_was_only_asked_about_stays_free_and_so_does_one_that_was_closed() -> None:
    server = Server(app())
    port = int(server.url.rpartition(":")[2])
    httpx.get(f"{server.url}/ping")
    server.close()
    require_free("127.0.0.1", port)
    with Server(app(), port=port) as again:
        assert httpx.get(f"{again.url}/ping").status_code == 200


def test_a_request_under_way_is_answered_before_it_closes() -> None:
    answers: list[int] = []
    server = Server(app())
    asking = threading.Thread(target=lambda: answers.append(httpx.get(f"{server.url}/slow").status_code))
    asking.start()
    time.sleep(0.15)
    server.close()
    asking.join(5)
    assert answers == [200]


def test_waiting_ends_when_the_server_does() -> None:
    server = Server(app())
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    assert waiting.is_alive()
    server.close()
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # how uvicorn says so
def test_an_app_that_fails_to_start_is_an_error_and_leaves_the_port_free() -> None:
    broken = True

    @asynccontextmanager
    async def failing(_: FastAPI) -> AsyncIterator[None]:
        if broken:
            raise RuntimeError("no database")
        yield

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with pytest.raises(Unreachable, match="did not start"):
        Server(FastAPI(lifespan=failing), port=port)
    require_free("127.0.0.1", port)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
def test_an_ipv6_host_is_bracketed_in_its_url() -> None:
    with Server(app(), host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/ping").json() == "pong"
