"""When a rollup posted to its parent chain: read from a real node, through a change of the account that posts."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.types import RPCEndpoint

from insure import dataset
from insure.chain.rpc import Chain
from insure.errors import ChainError, DatasetError, InvalidInput, SourceError
from insure.ingest.archive import Archive
from insure.ingest.asking import HEADER_SECONDS, timetable
from insure.ingest.batches import DEPTH_BLOCKS, ask_batches
from insure.ingest.collect import collect
from insure.ingest.matching import latest
from insure.ingest.silences import Silence
from insure.ingest.sources import HEADER, Form, Source, parse_sources
from insure.records.history import Stopped
from insure.settings import Settings
from tests.compiled import Harness, deployed_harness
from tests.scripted_node import ScriptedNode
from tests.test_cli import Insure, insure

__all__ = ["insure"]  # the fixture

pytestmark = [pytest.mark.network, pytest.mark.anvil]
PARENT, ROLLUP = "eip155:31337", "eip155:10"
INBOX = "0xFF00000000000000000000000000000000000010"
T0 = 1_700_000_000
FIRST, SECOND = "0x6887246668a3b87F54DeB3b94Ba47a6f63F32985", "0x5050F69a9786F081509234F1a7F4684b5E5b76C9"


@dataclass
class Parent:
    """The chain that a rollup settles on, with the contract that names the rollup's batcher."""

    harness: Harness
    chain: Chain

    @property
    def source(self) -> Source:
        return Source(Form.BATCHES, f"{PARENT}:{self.harness.address}", ROLLUP, (), "test")

    @property
    def url(self) -> str:
        return str(self.harness.web3.provider.endpoint_uri)  # type: ignore[attr-defined]

    @property
    def now(self) -> int:
        return self.chain.head().timestamp

    def name_batcher(self, account: str, version: int = 0) -> None:
        word = bytes([version]) + bytes(11) + bytes.fromhex(account[2:])
        data = Web3.keccak(text="setBatcherHash(bytes32)")[:4] + word
        self._send(self.harness.web3.eth.accounts[0], self.harness.address, data)

    def post(self, account: str, times: int, every: int) -> None:
        """So many batches, a block and so many seconds apart."""
        for _ in range(times):
            self._request("evm_increaseTime", every)
            self._send(account, INBOX, b"\x00batch")

    def wait(self, seconds: int, blocks: int = 10) -> None:
        """Blocks without a batch."""
        self._request("anvil_mine", hex(blocks), hex(seconds // blocks))

    def _send(self, sender: str, to: str, data: bytes) -> None:
        self._request("anvil_setBalance", sender, hex(10**20))
        self._request("anvil_impersonateAccount", sender)
        message = {"from": sender, "to": to, "data": "0x" + data.hex()}
        sent = self._request("eth_sendTransaction", message)
        self.harness.web3.eth.wait_for_transaction_receipt(sent)  # it is mined a moment later

    def _request(self, method: str, *params: Any) -> Any:
        answer = self.harness.web3.provider.make_request(RPCEndpoint(method), params)
        assert "error" not in answer, answer
        return answer["result"]

    def ask(self, archive: Archive, back: int, at_least: int | None = None, now: int = 0) -> tuple[Silence, ...]:
        """Searches so many seconds back, once what there is lies deep enough."""
        self._request("anvil_mine", hex(DEPTH_BLOCKS), "0x0")
        now = now or self.now
        return ask_batches(
            self.source.name, [self.source], lambda chain: self.chain, archive, now - back, at_least, now
        )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forge")


@pytest.fixture
def parent(compiled: Path) -> Iterator[Parent]:
    with deployed_harness("RollupConfig", compiled) as harness:
        made = Parent(harness, Chain.connect(harness.web3.provider.endpoint_uri))  # type: ignore[attr-defined]
        made.name_batcher(FIRST)
        yield made


def minutes(found: tuple[Silence, ...]) -> list[int | None]:
    return [None if each.end is None else round((each.end - each.start) / 60) for each in found]


def test_planted_silences_are_found_and_none_else(parent: Parent, tmp_path: Path) -> None:
    parent.post(FIRST, 30, every=120)
    parent.wait(7_200)
    parent.post(FIRST, 30, every=120)
    parent.wait(10_800)
    parent.post(FIRST, 30, every=120)
    archive = Archive(tmp_path)
    assert minutes(parent.ask(archive, 86_400)) == [122, 182]
    reports = latest(collect(archive, [parent.source]).reports)
    assert {(each.subject, each.what_stopped, each.source) for each in reports} == {
        (ROLLUP, Stopped.BATCH_POSTING, parent.source.name)
    }


def test_a_slow_pace_is_no_silence_unless_it_is_asked_for(parent: Parent, tmp_path: Path) -> None:
    parent.post(FIRST, 12, every=7_200)
    assert parent.ask(Archive(tmp_path), 80_000) == ()
    assert len(parent.ask(Archive(tmp_path), 80_000, at_least=3_600)) >= 11
    parent.wait(50_000)
    (lasting,) = parent.ask(Archive(tmp_path), 80_000)
    assert lasting.end is None, "longer than the sequencing window at any pace"


def test_what_lasts_is_closed_by_the_next_post(parent: Parent, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    parent.post(FIRST, 20, every=120)
    parent.wait(20_000)
    assert minutes(parent.ask(archive, 10_000)) == [None], "it began before what is searched"
    (told,) = latest(collect(archive, [parent.source]).reports)
    assert told.lasts and told.length is not None and told.length[0] >= 19_000
    parent.post(FIRST, 20, every=120)
    assert minutes(parent.ask(archive, 20_000)) == [round((20_000 + 120) / 60)]
    (told,) = latest(collect(archive, [parent.source]).reports)
    assert (told.lasts, told.end is None) == (False, False)


def test_a_batcher_that_is_replaced_is_not_silent(parent: Parent, tmp_path: Path) -> None:
    parent.post(FIRST, 20, every=600)
    parent.name_batcher(SECOND)
    parent.post(SECOND, 40, every=600)
    assert parent.ask(Archive(tmp_path), 30_000) == (), "both were named in this time"
    assert parent.ask(Archive(tmp_path), 12_000) == (), "nor in that of the second alone"


def test_what_the_earlier_batcher_posted_ends_a_silence_that_began_before(parent: Parent, tmp_path: Path) -> None:
    parent.post(SECOND, 1, every=600)
    parent.post(FIRST, 40, every=600)
    parent.name_batcher(SECOND)
    parent.wait(600)
    (lasting,) = parent.ask(Archive(tmp_path), 500, at_least=500, now=parent.now + 64)
    assert parent.now - lasting.start < 3_000, "not since the second sent its only transaction"


def test_what_tells_of_no_batches_is_refused(parent: Parent, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(InvalidInput, match="tells of no batches"):
        ask_batches("statuspage:x", [parent.source], lambda chain: parent.chain, archive, 0, None, parent.now)
    with pytest.raises(InvalidInput, match="no two blocks since"):
        parent.ask(archive, -100)
    with pytest.raises(SourceError, match="has never sent anything"):
        parent.ask(archive, 10_000)
    parent.name_batcher(FIRST, version=1)
    with pytest.raises(ChainError, match=r"has batcherHash 0x01.* must hold an address"):
        parent.ask(archive, 10_000)
    wrong = Source(Form.BATCHES, f"{PARENT}:{INBOX}", ROLLUP, (), "test")
    with pytest.raises(ChainError, match="must be a SystemConfig"):
        ask_batches(wrong.name, [wrong], lambda chain: parent.chain, archive, 0, None, parent.now)


def test_a_node_without_past_states_is_the_wrong_one(tmp_path: Path) -> None:
    def full_node(request: dict[str, Any]) -> tuple[int, bytes]:
        if request["method"] == "eth_chainId":
            return 200, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'
        if request["method"] == "eth_getBlockByNumber":
            number = 9_000 if request["params"][0] == "latest" else int(request["params"][0], 16)
            result = {"number": hex(number), "timestamp": hex(T0 + 12 * number), "hash": "0x01"}
            return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        return 200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"missing trie node"}}'

    source = Source(Form.BATCHES, f"eip155:1:{INBOX}", ROLLUP, (), "test")
    with ScriptedNode(full_node) as served:
        chain = Chain.connect(served.url)
        with pytest.raises(ChainError, match="missing trie node: the node of chain 1 must be an archive node"):
            ask_batches(source.name, [source], lambda parent: chain, Archive(tmp_path), T0, None, T0 + 110_000)


def test_the_table_names_the_parent_chain_with_the_contract() -> None:
    row = f"batches,eip155:1:{INBOX},{ROLLUP},,seen"
    (source,) = parse_sources(f"{HEADER}\n{row}\n".encode(), [ROLLUP])
    assert (source.contract, source.name) == (("eip155:1", INBOX), f"batches:{ROLLUP}/eip155:1:{INBOX.lower()}")
    with pytest.raises(DatasetError, match="must be a contract's chain and address"):
        parse_sources(f"{HEADER}\n{row.replace('eip155:1:', '')}\n".encode(), [ROLLUP])


@pytest.fixture
def data(tmp_path: Path, parent: Parent) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(dataset.default_folder(), folder)
    row = f"batches,{parent.source.address},{ROLLUP},,seen"
    (folder / "sources.csv").write_text(f"{HEADER}\n{row}\n")
    return folder


def test_batches_are_read_by_a_job_where_the_parent_chain_has_a_node(
    parent: Parent, data: Path, tmp_path: Path
) -> None:
    parent.post(FIRST, 20, every=120)
    parent.wait(7_200)
    parent.post(FIRST, 20, every=120)
    parent.wait(640, blocks=DEPTH_BLOCKS)
    settings = Settings(data=data, archive=tmp_path / "archive", subject_nodes={PARENT: (parent.url,)})
    (task,) = timetable(settings)
    assert (task.source, task.every_seconds) == (parent.source.name, HEADER_SECONDS)
    task.run(parent.now)
    (report,) = collect(Archive(tmp_path / "archive"), [parent.source]).reports
    assert report.length is not None and round(report.length[0] / 60) == 122
    assert timetable(Settings(data=data, archive=tmp_path, subject_nodes={ROLLUP: (parent.url,)})) == ()


def test_an_op_stack_chain_is_searched_where_it_posts(
    insure: Insure, parent: Parent, data: Path, tmp_path: Path
) -> None:
    parent.post(FIRST, 20, every=120)
    parent.wait(7_200)
    parent.post(FIRST, 20, every=120)
    parent.wait(640, blocks=DEPTH_BLOCKS)
    environment = {
        "INSURE_DATA": data,
        "INSURE_ARCHIVE": tmp_path / "archive",
        "INSURE_SUBJECT_NODES": f"{PARENT}={parent.url}",
    }
    shown = insure("outages", "search", "optimism", "--since", "2000d", **environment)
    assert (shown.code, shown.err) == (0, "")
    assert "Times without a batch" in shown.out and "none: to be looked into" in shown.out
    (told,) = json.loads(insure("outages", "list", "--json", **environment).out)["outages"]
    assert (told["standing"], told["reports"][0]["source"]) == ("new", parent.source.name)
