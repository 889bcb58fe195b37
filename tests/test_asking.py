"""Which sources an installation asks by itself, and what becomes of one that breaks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from insure import dataset
from insure.chain.embedded import EmbeddedChain, serve
from insure.errors import InvalidInput
from insure.ingest import asking
from insure.ingest.archive import Archive
from insure.ingest.asking import FEED_SECONDS, HEADER_SECONDS, MILESTONE_SECONDS, PAGE_SECONDS, archive_of, timetable
from insure.ingest.collect import collect
from insure.ingest.fetch import Fetcher
from insure.ingest.sources import HEADER, Form, Source
from insure.installation import jobs_aside
from insure.jobs import JobBoard
from insure.settings import Settings
from tests.screen_engine import ScreenEngine
from tests.scripted_node import ScriptedNode
from tests.scripted_page import Play, ScriptedPage
from tests.test_sources import ANSWERS
from tests.test_statuspage import incident
from tests.test_uptime_feed import FEED, PHASE, ROUNDS, node

NOW = 1_760_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(dataset.default_folder(), folder)
    rows = (
        "statuspage,https://status.example,eip155:42161,,seen",
        "statuspage,https://status.example,eip155:42170,,seen",
        "unknown,https://nobody.example,eip155:42161,,seen",
        "milestones,https://files.example/arbitrum.ts,eip155:42161,arbitrum,seen",
        f"uptime_feed,{FEED},eip155:42161,,seen",
        f"uptime_feed,{FEED},eip155:10,,seen",
    )
    (folder / "sources.csv").write_text("\n".join([HEADER, *rows, ""]))
    return folder


def test_without_an_archive_nobody_is_asked(data: Path) -> None:
    assert timetable(Settings(data=data)) == ()
    assert jobs_aside(Settings(data=data), ScreenEngine()) == []


def test_each_page_is_asked_once_and_feeds_whose_chain_has_a_node(data: Path, tmp_path: Path) -> None:
    nodes = {"eip155:42161": ("https://node.example",)}
    settings = Settings(data=data, archive=tmp_path / "archive", subject_nodes=nodes)
    assert [(job.name, job.every_seconds) for job in jobs_aside(settings, ScreenEngine())] == [
        ("ingest statuspage:status.example", PAGE_SECONDS),
        ("ingest milestones:arbitrum", MILESTONE_SECONDS),
        (f"ingest uptime_feed:eip155:42161/{FEED.lower()}", FEED_SECONDS),
        ("ingest headers:eip155:42161", HEADER_SECONDS),
    ]


def test_headers_are_searched_where_there_is_a_node_and_they_tell_when_a_block_was_made(
    data: Path, tmp_path: Path
) -> None:
    nodes = dict.fromkeys(("eip155:10", "eip155:1", "eip155:999999"), ("https://node.example",))
    tasks = timetable(Settings(data=data, archive=tmp_path / "archive", subject_nodes=nodes))
    searched = [task.source for task in tasks if task.source.startswith("headers:")]
    assert searched == ["headers:eip155:1"], "Optimism's are back-filled, and nobody knows the third"


def test_the_packaged_sources_make_a_timetable(tmp_path: Path) -> None:
    names = [task.source for task in timetable(Settings(archive=tmp_path))]
    assert len(names) == len(set(names)) > 0


@pytest.mark.network
def test_a_source_that_breaks_is_a_failing_job_and_deletes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [json.dumps({"incidents": [incident()]}).encode()] * 2 + [b"<html>moved</html>"]
    with ScriptedPage(lambda n, h: Play(answers[min(n, 2)])) as page:
        settings = Settings(data=data, archive=tmp_path / "archive")
        source = Source(Form.STATUSPAGE, page.url, "eip155:42161", (), "seen")
        # the table takes https only: the page on loopback is put in by hand
        monkeypatch.setattr(asking, "read_sources", lambda folder, history: (source,))
        board = JobBoard(jobs_aside(settings, ScreenEngine()), lambda: NOW)
        board.start()
        (fine,) = board.run_round()
        (broken,) = board.run_round()
        board.stop()
    assert (fine.failures, fine.last_error) == (0, "")
    assert broken.failures == 1
    assert "must be JSON" in broken.last_error
    assert {report.reference for report in collect(archive_of(settings), [source]).reports} == {"abc123"}


@pytest.mark.network
def test_sources_on_one_host_take_turns(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def still(archive: Archive, now: Callable[[], int]) -> Fetcher:
        return Fetcher(archive, now, clock=lambda: 0.0, sleep=slept.append)

    monkeypatch.setattr(asking, "Fetcher", still)
    with ScriptedPage(lambda n, h: Play(ANSWERS[Form.ROOTLY])) as page:
        sources = (
            Source(Form.STATUSPAGE, page.url, "eip155:42161", (), "seen"),
            Source(Form.ROOTLY, page.url, "eip155:10", (), "seen"),
        )
        monkeypatch.setattr(asking, "read_sources", lambda folder, history: sources)
        for task in timetable(Settings(data=data, archive=tmp_path / "archive")):
            task.run(NOW)
    assert slept == [1.0, 1.0], "once within the first source, and before the second"


@pytest.mark.network
def test_a_feed_is_read_by_its_job(data: Path, tmp_path: Path) -> None:
    with ScriptedNode(node(ROUNDS, PHASE + 5)) as served:
        settings = Settings(data=data, archive=tmp_path / "archive", subject_nodes={"eip155:10": (served.url,)})
        (task,) = (each for each in timetable(settings) if each.source.startswith("uptime_feed"))
        task.run(NOW)
    assert [entry.source for entry in Archive(tmp_path / "archive").entries()] == [
        f"uptime_feed:eip155:10/{FEED.lower()}"
    ]


def standing_chain(begin: int, pace: int, halt: int) -> EmbeddedChain:
    """A chain with a block every `pace` seconds for four hours, a halt, and as much again."""
    chain = EmbeddedChain(42_161, begin)
    for wait in [pace] * (4 * 3_600 // pace) + [halt] + [pace] * (4 * 3_600 // pace):
        chain.travel(chain.head().timestamp + wait)
    return chain


def searched(data: Path, archive: Path, chain: EmbeddedChain, now: int) -> list[tuple[int, int | None] | None]:
    """The lengths of what the job finds in a chain's headers."""
    with serve(chain) as served:
        settings = Settings(data=data, archive=archive, subject_nodes={"eip155:42161": (served.url,)})
        (task,) = (each for each in timetable(settings) if each.source.startswith("headers:"))
        task.run(now)
    return [report.length for report in collect(Archive(archive), []).reports]


@pytest.mark.network
@pytest.mark.parametrize("halt", [3_600, 7 * 86_400])
def test_a_halt_is_found_by_the_job_however_long_ago_it_began(data: Path, tmp_path: Path, halt: int) -> None:
    chain = standing_chain(NOW, 120, halt)
    assert searched(data, tmp_path / "archive", chain, chain.head().timestamp) == [(halt, halt)]


@pytest.mark.network
def test_what_a_slow_chain_waits_by_chance_is_no_halt(data: Path, tmp_path: Path) -> None:
    chain = standing_chain(NOW, 900, 3_600)
    assert searched(data, tmp_path / "archive", chain, chain.head().timestamp) == []


@pytest.mark.network
def test_a_chain_that_stands_is_a_failing_job(data: Path, tmp_path: Path) -> None:
    chain = standing_chain(NOW, 900, 3_600)
    with pytest.raises(InvalidInput, match="eip155:42161 has no two blocks since"):
        searched(data, tmp_path / "archive", chain, chain.head().timestamp + 4 * 86_400)
