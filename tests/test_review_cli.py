"""`insure outages` as a reviewer uses it: from what a page answered to a row of the record, and back."""

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from insure import dataset
from insure.ingest.archive import Archive, Entry
from insure.ingest.sources import HEADER
from tests.scripted_node import ScriptedNode
from tests.test_cli import Insure, Result, insure, refused
from tests.test_statuspage import incident
from tests.test_uptime_feed import FEED, PHASE, ROUNDS, node

__all__ = ["insure"]  # the fixture

PAGE = "statuspage:status.example"
URL = "https://status.example/api/v2/incidents.json"
OP_FEED = f"uptime_feed:eip155:10/{FEED.lower()}"
NEW = "arbitrum-one-20250304T1547"


class Reviewer:
    """Runs `insure outages ...` on a copy of data/ and an archive of its own."""

    def __init__(self, run: Insure, folder: Path) -> None:
        self.run, self.data, self.archive = run, folder / "data", Archive(folder / "archive")
        shutil.copytree(dataset.default_folder(), self.data)
        (self.data / "sources.csv").write_text(
            f"{HEADER}\nstatuspage,https://status.example,eip155:42161,,seen\nuptime_feed,{FEED},eip155:10,,seen\n"
        )
        self.environment = {"INSURE_DATA": self.data, "INSURE_ARCHIVE": folder / "archive"}

    def answered(self, *incidents: object, at: int = 1_760_000_000) -> None:
        """The page answered these."""
        body = json.dumps({"incidents": incidents}).encode()
        self.archive.add(Entry(PAGE, URL, at, hashlib.sha256(body).hexdigest()), body)

    def __call__(self, *arguments: object, **environment: object) -> Result:
        return self.run("outages", *arguments, **self.environment, **environment)

    def waiting(self) -> dict[str, str]:
        """Ids that wait, with their standing."""
        told = json.loads(self("list", "--json").out)
        return {each["outage_id"]: each["standing"] for each in told["outages"]}


@pytest.fixture
def reviewer(insure: Insure, tmp_path: Path) -> Reviewer:
    return Reviewer(insure, tmp_path)


JUDGED = ("--set", "what_stopped=block_production", "--set", "severity=full_halt", "--set", "peril=sequencer_bug")


def test_what_a_closed_chains_page_tells_of_later_times_is_not_the_chains(reviewer: Reviewer) -> None:
    (reviewer.data / "sources.csv").write_text(f"{HEADER}\nstatuspage,https://status.example,svc:helium,,seen\n")
    reviewer.answered(incident(id="last", started_at="2023-04-18T20:00:00Z", resolved_at="2023-04-18T21:00:00Z"))
    assert list(reviewer.waiting()) == ["helium-20230418T2000"]
    reviewer.answered(incident(id="later", started_at="2023-04-19T00:30:00Z", resolved_at="2023-04-19T01:00:00Z"))
    assert list(reviewer.waiting()) == ["helium-20230418T2000"]


def test_a_new_outage_waits_until_it_is_accepted(reviewer: Reviewer) -> None:
    assert "Nothing waits to be decided." in reviewer("list").out
    reviewer.answered(incident())
    assert reviewer.waiting() == {NEW: "new"}
    assert "Block production halted" in reviewer("list").out
    assert json.loads(reviewer("show", NEW, "--json").out)["reports"][0]["url"] == "https://stspg.io/abc123"
    assert "is not recorded" in reviewer("diff", NEW).out

    told = refused(reviewer("accept", NEW, "--reason", "seen"))
    assert told == f"{NEW}: no source tells what_stopped, severity, peril, usable: give them"
    done = reviewer("accept", NEW, "--reason", "seen", *JUDGED, "--set", "usable=true")
    assert (done.code, done.out) == (0, f"{NEW}: accepted, version 1\n")
    assert reviewer.waiting() == {}
    assert NEW in {each.id for each in dataset.load(reviewer.data).outages_of("arbitrum-one")}
    assert "accepted: new (seen)" in reviewer("show", NEW).out


def test_what_disagrees_is_shown_and_kept_out(reviewer: Reviewer) -> None:
    reviewer.answered(incident(started_at="2023-12-15T16:10:00Z", resolved_at="2023-12-15T17:00:00Z"))
    before = (reviewer.data / "outages.csv").read_bytes()
    (known,) = reviewer.waiting()
    assert reviewer.waiting() == {known: "disputed"}
    assert "otherwise" in reviewer("diff", known).out
    assert reviewer("keep", known, "--reason", "the page was late").code == 0
    assert reviewer.waiting() == {}
    assert (reviewer.data / "outages.csv").read_bytes() == before


def test_a_correction_is_written_with_its_source(reviewer: Reviewer) -> None:
    outage = dataset.load(reviewer.data).outages_of("arbitrum-one")[0]
    options = ("--source", "https://post-mortem.example", "--reason", "read it", "--set", "peril=client_bug")
    verdicts = reviewer.data / "verdicts.csv"
    before = verdicts.read_text().splitlines()
    done = reviewer("correct", outage.id, *options)
    assert (done.code, done.out) == (0, f"{outage.id}: corrected, version 1\n")
    (after,) = (each for each in dataset.load(reviewer.data).outages if each.id == outage.id)
    assert after.peril == "client_bug"
    assert after.sources[-1] == "https://post-mortem.example"
    (verdict,) = set(verdicts.read_text().splitlines()) - set(before)
    assert outage.id in verdict
    assert "https://post-mortem.example" in verdict
    assert "says so already" in refused(reviewer("correct", outage.id, *options))


def test_one_decides_at_a_time(reviewer: Reviewer) -> None:
    outage = dataset.load(reviewer.data).outages_of("arbitrum-one")[0]
    options = ("--source", "https://post-mortem.example", "--reason", "read it", "--set", "peril=client_bug")
    verdicts = reviewer.data / "verdicts.csv"
    before = verdicts.read_bytes()
    other = os.open(reviewer.data, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert refused(reviewer("correct", outage.id, *options)).endswith("somebody else is deciding: try again")
    assert verdicts.read_bytes() == before
    os.close(other)
    assert reviewer("correct", outage.id, *options).code == 0


def test_what_is_no_outage_is_dismissed(reviewer: Reviewer) -> None:
    reviewer.answered(incident(name="Explorer is slow"))
    assert reviewer("dismiss", NEW, "--reason", "an explorer").code == 0
    assert reviewer.waiting() == {}
    reviewer.answered(incident(name="Blocks stopped"), at=1_760_000_100)
    assert reviewer.waiting() == {NEW: "new"}


def test_a_wrong_decision_writes_nothing(reviewer: Reviewer) -> None:
    reviewer.answered(incident())
    files = {path.name: path.read_bytes() for path in reviewer.data.iterdir()}
    for command in (
        ("accept", NEW, "--reason", "seen", *JUDGED, "--set", "usable=false"),
        ("accept", NEW, "--reason", "seen", "--set", "severity"),
        ("accept", NEW, "--reason", "seen", "--set", "peril=other", "--set", "peril=prover"),
        ("dismiss", "solana-20240206T0953", "--reason", "no"),
        ("show", "nowhere-1"),
    ):
        assert refused(reviewer(*command))
    assert {path.name: path.read_bytes() for path in reviewer.data.iterdir()} == files


def test_what_can_not_be_trusted_is_told(reviewer: Reviewer) -> None:
    reviewer.answered(incident(), incident(id="odd", started_at="noon"))
    assert f"rejected: {PAGE}: incident odd: started_at is 'noon'" in reviewer("list").out


@pytest.mark.network
def test_fetching_asks_what_can_be_asked_and_names_what_fails(reviewer: Reviewer) -> None:
    with ScriptedNode(node(ROUNDS, PHASE + 5)) as served:
        told = reviewer(
            "fetch", f"uptime_feed:eip155:10/{FEED.lower()}", INSURE_SUBJECT_NODES=f"eip155:10={served.url}"
        )
    assert (told.code, told.out) == (0, f"{OP_FEED}: 2 told\n")
    assert [standing for standing in reviewer.waiting().values()] == ["new", "new"]
    assert "INSURE_SUBJECT_NODES has no node of eip155:10" in reviewer("fetch", OP_FEED).out
    assert "source 'blog:x' is unknown: must be one of" in refused(reviewer("fetch", "blog:x"))
