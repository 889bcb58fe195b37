"""An uptime feed and its archive on a real chain: every aggregator it ever had, and events that must say the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.types import RPCEndpoint

from insure.chain.rpc import Chain, RawLog
from insure.errors import ChainError, InvalidInput, SourceError, Unreachable
from insure.ingest import uptime_events, uptime_history
from insure.ingest.archive import Archive
from insure.ingest.collect import collect
from insure.ingest.matching import latest
from insure.ingest.sources import Form, Source
from insure.ingest.uptime_events import ANSWER_UPDATED, Passage, decode, differences, encode, filled, read_passage
from insure.ingest.uptime_feed import Round, read_aggregators, read_rounds
from insure.ingest.uptime_history import ask_feed
from insure.records.history import Ended
from tests.compiled import Harness, deployed_harness

T0 = 1_699_900_000
NOW = 1_760_000_000
PHASE = 1 << 64
SUBJECT = "eip155:42161"
DEPTH = 5
"""Blocks behind the head at which events are read here: anvil takes half a minute to mine some thousands."""
AGGREGATOR = "0x00000000000000000000000000000000000000Aa"


# Rounds and events side by side

ROUNDS = [Round(PHASE + n, n % 2, T0 + 100 * n) for n in range(1, 6)]


def test_rounds_and_events_that_agree_differ_in_nothing() -> None:
    assert differences(ROUNDS, ROUNDS) == ()


def test_rounds_younger_than_the_last_event_and_older_than_the_first_round_are_told_by_one_alone() -> None:
    assert differences(ROUNDS, ROUNDS[:2]) == ()
    assert differences(ROUNDS[2:], ROUNDS) == ()
    assert filled(ROUNDS[2:], ROUNDS) == tuple(ROUNDS)


def test_an_event_may_tell_when_its_round_was_transmitted() -> None:
    late = [Round(each.id, each.answer, each.started_at + 120) for each in ROUNDS]
    assert differences(ROUNDS, late) == ()
    later = [Round(each.id, each.answer, each.started_at + 121) for each in ROUNDS]
    assert len(differences(ROUNDS, later)) == 5
    other = [Round(each.id, 1 - each.answer, each.started_at) for each in ROUNDS]
    assert len(differences(ROUNDS, other)) == 5


def test_what_differs_is_told_round_by_round() -> None:
    other = [ROUNDS[0], Round(PHASE + 2, 0, T0 + 195), ROUNDS[3], ROUNDS[4], Round(PHASE + 6, 0, T0 + 600)]
    assert differences(ROUNDS, other) == (
        f"round {PHASE + 2} is 0 since {T0 + 200}, and its event says 0 since {T0 + 195}",
        f"round {PHASE + 6} has an event, and the feed does not have it",
        f"round {PHASE + 3} has no event",
    )
    assert filled(ROUNDS, other)[:5] == tuple(ROUNDS), "the feed's own word stands"


def log(block: int = 7, number: int = 3, **fields: Any) -> RawLog:
    words = [f"0x{value:064x}" for value in (1, number)]
    values = {
        "address": AGGREGATOR,
        "topics": (ANSWER_UPDATED, *words),
        "data": (T0 + 5).to_bytes(32),
        "block_number": block,
        "block_hash": "0x",
        "tx_hash": "0x01",
        "log_index": 0,
        "timestamp": 0,
    }
    return RawLog(**(values | fields))


def test_events_are_read_as_they_were_archived() -> None:
    assert decode(encode(Passage(2, AGGREGATOR, 0, 9, (log(),)))) == (Round(2 * PHASE + 3, 1, T0 + 5),)


@pytest.mark.parametrize(
    "wrong",
    [
        log(address="0x00000000000000000000000000000000000000bB"),
        log(topics=(ANSWER_UPDATED,)),
        log(topics=("0x" + "00" * 32, *log().topics[1:])),
        log(data=b"\x01"),
        log(number=PHASE),
    ],
)
def test_a_log_that_is_no_event_of_the_aggregator_is_refused(wrong: RawLog) -> None:
    with pytest.raises(InvalidInput, match="no passage of events"):
        decode(encode(Passage(2, AGGREGATOR, 0, 9, (wrong,))))


@given(st.binary(max_size=40) | st.just(b'{"phase": 1, "aggregator": "0x", "logs": [[]]}') | st.just(b"[1]"))
def test_whatever_is_archived_is_events_or_a_refusal(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(body)


# On a chain


@dataclass
class Feed:
    """A proxy on anvil whose aggregators a test feeds."""

    harness: Harness
    chain: Chain

    @property
    def source(self) -> Source:
        return Source(Form.UPTIME_FEED, self.harness.address, SUBJECT, (), "test")

    def replace(self, answer: int, at: int) -> None:
        """A new aggregator that begins with this answer."""
        self._send(self.harness.address, "replaceAggregator(int256,uint256)", answer, at)

    def say(self, answer: int, at: int, event: int | None = None, phase: int | None = None) -> None:
        """A round of the present aggregator, or of an earlier one."""
        self._send(self.aggregator(phase), "record(int256,uint256,uint256)", answer, at, at if event is None else event)

    def forget(self, number: int, phase: int) -> None:
        self._send(self.aggregator(phase), "forget(uint80)", number)

    def aggregator(self, phase: int | None = None) -> str:
        (present,) = self.harness.ask("phaseId")
        (address,) = self.harness.ask("phaseAggregators", present if phase is None else phase)
        return Web3.to_checksum_address(address)

    def mine(self, blocks: int) -> None:
        self.harness.web3.provider.make_request(RPCEndpoint("anvil_mine"), [hex(blocks)])

    def ask(self, archive: Archive, depth: int = DEPTH) -> int:
        """Reads it once everything lies deep enough."""
        self.mine(depth)
        return ask_feed(self.source.name, [self.source], lambda subject: self.chain, archive, NOW)

    def _send(self, to: str, function: str, *args: int) -> None:
        name, _, types = function.rstrip(")").partition("(")
        inputs = [{"name": "", "type": each} for each in types.split(",")]
        abi = [{"type": "function", "name": name, "inputs": inputs, "outputs": [], "stateMutability": "nonpayable"}]
        contract = self.harness.web3.eth.contract(address=Web3.to_checksum_address(to), abi=abi)
        sent = contract.functions[name](*args).transact({"from": self.harness.web3.eth.accounts[0]})
        self.harness.web3.eth.wait_for_transaction_receipt(sent)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forge")


@pytest.fixture
def feed(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(uptime_history, "DEPTH_BLOCKS", DEPTH)
    with deployed_harness("UptimeFeed", compiled) as harness:
        yield Feed(harness, Chain.connect(harness.web3.provider.endpoint_uri))  # type: ignore[attr-defined]


def spells(archive: Archive, feed: Feed) -> list[tuple[int, tuple[int, int | None] | None]]:
    reports = latest(collect(archive, [feed.source]).reports)
    return sorted((report.start.at - T0, report.length) for report in reports)


@pytest.mark.network
@pytest.mark.anvil
def test_the_history_before_the_present_aggregator_is_read(feed: Feed, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    feed.replace(0, T0)
    feed.say(1, T0 + 1_000)
    feed.say(0, T0 + 4_600)
    feed.replace(0, T0 + 5_000)
    feed.say(1, T0 + 9_000)
    feed.say(0, T0 + 9_600)
    assert feed.ask(archive) == 2
    assert spells(archive, feed) == [(1_000, (3_600, 3_600)), (9_000, (600, 600))]
    rounds = read_rounds(feed.chain, feed.source.address)
    assert [(each.phase, each.id % PHASE) for each in rounds] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert collect(archive, [feed.source]).rejected == ()


@pytest.mark.network
@pytest.mark.anvil
def test_an_archive_of_the_present_aggregator_alone_gets_the_earlier_ones(feed: Feed, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    feed.replace(0, T0)
    feed.say(1, T0 + 1_000)
    feed.replace(1, T0 + 2_000)
    feed.say(0, T0 + 4_600)
    present = f"[[{2 * PHASE + 1}, 1, {T0 + 2_000}], [{2 * PHASE + 2}, 0, {T0 + 4_600}]]"
    archive.keep(present.encode(), feed.source.name, feed.source.address, NOW - 3_600)
    assert spells(archive, feed) == [], "it stood when the present aggregator began"
    feed.ask(archive)
    assert spells(archive, feed) == [(1_000, (3_600, 3_600))]


@pytest.mark.network
@pytest.mark.anvil
def test_a_replaced_aggregator_is_read_to_its_end_and_then_no_more(feed: Feed, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    feed.replace(0, T0)
    feed.ask(archive)
    feed.say(1, T0 + 1_000)
    feed.replace(0, T0 + 9_000)
    feed.ask(archive)
    (report,) = latest(collect(archive, [feed.source]).reports)
    assert (report.length, report.ended) == ((1, 8_000), Ended.RESUMED)
    feed.ask(archive)
    passages = [entry.url.partition("#")[2].partition(":")[0] for entry in archive.entries() if "#" in entry.url]
    assert (passages.count("1"), passages.count("2")) == (2, 2)


@pytest.mark.network
@pytest.mark.anvil
def test_what_the_feed_has_forgotten_its_events_tell(feed: Feed, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    feed.replace(0, T0)
    feed.say(1, T0 + 1_000)
    feed.say(0, T0 + 4_600)
    feed.say(1, T0 + 9_000)
    feed.forget(2, 1)
    assert feed.ask(archive) == 1, "its rounds begin with the end of the first halt"
    found = collect(archive, [feed.source])
    assert [each[0] for each in spells(archive, feed)] == [1_000, 9_000]
    assert found.rejected == ()


@pytest.mark.network
@pytest.mark.anvil
def test_where_a_round_and_its_event_differ_the_job_fails_once_and_the_review_tells_it(
    feed: Feed, tmp_path: Path
) -> None:
    archive = Archive(tmp_path)
    feed.replace(0, T0)
    feed.say(1, T0 + 1_000, event=T0 + 1_200)
    feed.say(0, T0 + 4_600)
    line = f"round {PHASE + 2} is 1 since {T0 + 1_000}, and its event says 1 since {T0 + 1_200}"
    with pytest.raises(SourceError, match=f"differ in 1: {line}"):
        feed.ask(archive)
    assert feed.ask(archive) == 1, "it is known by now"
    assert collect(archive, [feed.source]).rejected == (f"{feed.source.name}: {line}",)
    assert spells(archive, feed) == [(1_000, (3_600, 3_600))], "the feed's own word stands"


@pytest.mark.network
@pytest.mark.anvil
def test_events_are_read_from_where_the_last_passage_ended(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    monkeypatch.setattr(uptime_events, "WIDEST_BLOCKS", 10)
    monkeypatch.setattr(uptime_events, "MOST_REQUESTS", 2)
    feed.replace(0, T0)
    feed.say(1, T0 + 1_000)
    feed.mine(30)
    feed.say(0, T0 + 4_600)
    for _ in range(3):
        feed.ask(archive, depth=DEPTH if not archive.entries() else 1)
    ranges = [entry.url.rpartition(":")[2] for entry in archive.entries() if "#" in entry.url]
    head = feed.chain.head().number
    assert ranges == ["0-19", f"20-{head - DEPTH - 1}", f"{head - DEPTH}-{head - DEPTH}"]
    events = {each for entry, body in archive.answers() if "#" in entry.url for each in decode(body)}
    assert events == set(read_rounds(feed.chain, feed.source.address))


@pytest.mark.network
@pytest.mark.anvil
def test_a_range_that_a_node_refuses_is_asked_for_in_halves(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.replace(0, T0)
    feed.mine(100)
    feed.say(1, T0 + 1_000)
    aggregator = (1, feed.aggregator())
    (named,) = read_aggregators(feed.chain, feed.source.address, 1)
    assert named == aggregator
    whole, widths = feed.chain.logs, []

    def strict(addresses: list[str], first: int, last: int, topics: list[str]) -> list[RawLog]:
        widths.append(last - first + 1)
        if last - first >= 30:
            raise ChainError("eth_getLogs: range is too wide")
        return whole(addresses, first, last, topics)

    monkeypatch.setattr(feed.chain, "logs", strict)
    head = feed.chain.head().number
    passage = read_passage(feed.chain, aggregator, 0, head)
    assert (len(passage.logs), passage.last) == (2, head)
    assert widths[:3] == [head + 1, (head + 1) // 2, (head + 1) // 4]


@pytest.mark.network
@pytest.mark.anvil
@pytest.mark.parametrize("error", [ChainError("eth_getLogs: pruned"), Unreachable("eth_getLogs: does not answer")])
def test_what_was_read_before_a_node_fails_is_kept(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, error: ChainError
) -> None:
    feed.replace(0, T0)
    feed.mine(30)
    aggregator = (1, feed.aggregator())
    monkeypatch.setattr(uptime_events, "WIDEST_BLOCKS", 10)
    whole = feed.chain.logs

    def failing(addresses: list[str], first: int, last: int, topics: list[str]) -> list[RawLog]:
        if last >= 20:
            raise error
        return whole(addresses, first, last, topics)

    monkeypatch.setattr(feed.chain, "logs", failing)
    passage = read_passage(feed.chain, aggregator, 0, feed.chain.head().number)
    assert (passage.last, len(passage.logs)) == (19, 1)
    with pytest.raises(ChainError, match=str(error)):
        read_passage(feed.chain, aggregator, passage.last + 1, feed.chain.head().number)
