"""`insure run` as a service manager sees it: a process that is started, asked how it is, and stopped."""

import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from eth_account import Account
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from insure.chain.embedded import EmbeddedChain, serve
from tests.local_installation import install
from tests.scripted_socket import ScriptedSocket, head, taken

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a process of an installation with a keeper is told."""
    local, folder = install(), tmp_path_factory.mktemp("run")
    manifest = folder / "deployment.json"
    manifest.write_text(local.deployment.to_json())
    with serve(local.chain) as node:
        yield {
            **os.environ,
            "INSURE_RPC_URL": node.url,
            "INSURE_DEPLOYMENT": str(manifest),
            "INSURE_DATABASE_URL": f"sqlite:///{folder}/mirror.sqlite",
            "INSURE_MODELS": f"{folder}/models",
            "INSURE_CONFIRMATIONS": "0",
            "INSURE_KEEPER_KEY": hex_key(local.chain, 6),
            "INSURE_PORT": "0",
        }


def hex_key(chain: EmbeddedChain, index: int) -> str:
    return "0x" + bytes(chain.accounts[index].key).hex()


def started(environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """A running process and its address."""
    command = [str(Path(sys.executable).with_name("insure")), "run"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+?:\d+", line)
    assert found, line + (process.stderr.read() if process.stderr else "")
    return process, found.group()


def leases(environment: dict[str, str]) -> list[tuple[str, int]]:
    path = Path(environment["INSURE_DATABASE_URL"].removeprefix("sqlite:///"))
    with sqlite3.connect(path) as database:
        return database.execute("SELECT holder, until FROM leases").fetchall()


def test_it_answers_and_a_stop_ends_it_well(environment: dict[str, str]) -> None:
    process, address = started(environment)
    with urlopen(f"{address}/healthz", timeout=30) as answer:
        assert json.loads(answer.read())["ok"]
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert leases(environment) == []
    (stored,) = Path(environment["INSURE_MODELS"]).glob("*.json")  # the fit that its quotes would name
    assert json.loads(stored.read_text())["version"] == stored.stem


def test_it_asks_sources_and_tells_alerts_beside_its_work_if_it_is_told_to(
    environment: dict[str, str], tmp_path: Path
) -> None:
    more = {
        "INSURE_ARCHIVE": str(tmp_path / "archive"),
        "INSURE_ALERT_URL": "http://127.0.0.1:9/",
        "INSURE_ALERT_SECRET": "whsec_" + base64.b64encode(bytes(32)).decode(),
        "INSURE_LOG_FORMAT": "json",
        "INSURE_LOG_LEVEL": "info",
    }
    process, address = started(environment | more)
    with urlopen(f"{address}/healthz", timeout=30) as answer:
        health = json.loads(answer.read())
    with urlopen(f"{address}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    names = [job["name"] for job in health["jobs"]]
    assert "alert" in names and any(name.startswith("ingest statuspage:") for name in names)
    assert [sender["role"] for sender in health["senders"]] == ["keeper"]
    assert 'insure_sender_balance_wei{address="0x' in metrics
    assert process.returncode == 0, told
    lines = [json.loads(line) for line in told.splitlines()]
    assert lines and all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert environment["INSURE_KEEPER_KEY"] not in told and "whsec_" not in told


def test_new_heads_come_by_websocket_where_one_is_offered(environment: dict[str, str]) -> None:
    def talk(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(taken())
        connection.send(head())
        with suppress(ConnectionClosed):
            connection.recv()

    with ScriptedSocket(talk) as socket:
        more = {"INSURE_WS_URL": f"{socket.url}/v3/s3cret", "INSURE_LOG_LEVEL": "debug"}
        process, address = started(environment | more)
        for _ in range(600):
            with urlopen(f"{address}/healthz", timeout=30) as answer:
                health = json.loads(answer.read())
            if health["heads"] == "websocket" and any(job["runs"] for job in health["jobs"]):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert health["heads"] == "websocket" and any(job["runs"] for job in health["jobs"])
    assert process.returncode == 0, told
    assert "s3cret" not in told


def test_a_websocket_that_is_none_is_told_before_anything_runs(environment: dict[str, str]) -> None:
    command = [str(Path(sys.executable).with_name("insure")), "run"]
    wrong = environment | {"INSURE_WS_URL": "https://node.example/v3/s3cret"}
    done = subprocess.run(command, env=wrong, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == "error: ws_url 'https://node.example' must begin with ws:// or wss:// and name a host\n"


def test_a_stop_as_soon_as_it_stands_ends_it_well_too(environment: dict[str, str]) -> None:
    process, _ = started(environment)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told


def test_a_key_in_a_file_may_change_while_it_runs(environment: dict[str, str], tmp_path: Path) -> None:
    old, new = "0x" + f"{7:064x}", environment["INSURE_KEEPER_KEY"]
    file = tmp_path / "keeper"
    file.write_text(old)
    process, address = started(environment | {"INSURE_KEEPER_KEY": "", "INSURE_KEEPER_KEY_FILE": str(file)})

    def keeper() -> str:
        with urlopen(f"{address}/healthz", timeout=30) as answer:
            (sender,) = json.loads(answer.read())["senders"]
        return str(sender["address"])

    assert keeper() == Account.from_key(old).address
    file.write_text(new)
    deadline = time.monotonic() + 90
    while keeper() != Account.from_key(new).address and time.monotonic() < deadline:
        time.sleep(1)
    assert keeper() == Account.from_key(new).address
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert f"keeper_key has changed: {Account.from_key(new).address} from now on" in told
    assert new not in told and leases(environment) == []
