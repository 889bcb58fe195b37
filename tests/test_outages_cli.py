"""`insure outages`: gaps of a chain beside what is recorded of it."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from insure.chain.embedded import EmbeddedChain, serve
from insure.dataset import load
from tests.test_cli import Insure, insure, refused
from tests.test_headers import write
from tests.test_statuspage import incident

__all__ = ["insure"]  # the fixture


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """Of Arbitrum One around its halt of December 2023, which is left out; another is planted, and a hole."""
    halt = next(each for each in load().outages_of("eip155:42161") if each.id.startswith("arbitrum-one-20231215"))
    numbers = np.arange(20_000)
    times = halt.start - 100_000 + numbers * 12
    times[numbers > 1_000] += 3_600
    keep = (numbers < 18_000) | (numbers > 18_500)
    return write(tmp_path / "headers.parquet", numbers[keep], times[keep])


def test_gaps_holes_and_halts_that_show_no_gap(insure: Insure, headers: Path) -> None:
    shown = insure("outages", "scan", "arbitrum-one", headers)
    assert (shown.code, shown.err) == (0, "")
    assert "19,499 blocks, 0 to 19999" in shown.out and "501 missing" in shown.out
    assert "none: to be looked into" in shown.out
    assert "the file lacks the blocks between" in shown.out
    assert "arbitrum-one-20231215" in shown.out


def test_the_same_as_json(insure: Insure, headers: Path) -> None:
    found = json.loads(insure("outages", "scan", "eip155:42161", headers, "--at-least", "30m", "--json").out)
    assert (found["subject"], found["at_least"], found["missing"]) == ("eip155:42161", 1_800, 501)
    assert [(gap["after_block"], gap["outages"]) for gap in found["gaps"]] == [(1_000, [])]
    assert [hole["before_block"] for hole in found["holes"]] == [18_501]
    assert len(found["unseen_outages"]) == 1


def test_gaps_of_a_file_wait_to_be_decided_if_they_are_kept(insure: Insure, headers: Path, tmp_path: Path) -> None:
    environment = {"INSURE_ARCHIVE": tmp_path / "archive"}
    insure("outages", "scan", "arbitrum-one", headers, "--at-least", "30m", **environment)
    assert json.loads(insure("outages", "list", "--json", **environment).out)["outages"] == []
    insure("outages", "scan", "arbitrum-one", headers, "--at-least", "30m", "--keep", **environment)
    (told,) = json.loads(insure("outages", "list", "--json", **environment).out)["outages"]
    assert (told["standing"], told["length_seconds"]) == ("new", [3_612, 3_612])


def test_what_can_not_be_scanned_is_refused(insure: Insure, headers: Path) -> None:
    assert "OP-stack" in refused(insure("outages", "scan", "optimism", headers))
    assert "--at-least is 'soon'" in refused(insure("outages", "scan", "arbitrum-one", headers, "--at-least", "soon"))
    assert "README.md: can't be read as Parquet" in refused(insure("outages", "scan", "arbitrum-one", "README.md"))


def test_incidents_of_a_status_page_beside_the_record(insure: Insure, tmp_path: Path) -> None:
    halt = incident(started_at="2023-12-15T15:40:00Z", resolved_at="2023-12-15T17:00:00Z", name="[red]stall")
    page = tmp_path / "incidents.json"
    page.write_text(json.dumps({"incidents": [halt, incident(id="new"), incident(id="odd", started_at="noon")]}))
    shown = insure("outages", "read", "arbitrum-one", page)
    assert (shown.code, shown.err) == (0, "")
    assert "[red]stall" in shown.out and "arbitrum-one-20231215" in shown.out and "rejected: incident odd" in shown.out
    found = json.loads(insure("outages", "read", "arbitrum-one", page, "--json").out)
    assert [(each["id"], len(each["outages"])) for each in found["incidents"]] == [("abc123", 1), ("new", 0)]
    assert len(found["rejected"]) == 1


def test_an_answer_that_is_none_is_refused(insure: Insure, tmp_path: Path) -> None:
    page = tmp_path / "incidents.json"
    assert "incidents.json: can't be read" in refused(insure("outages", "read", "arbitrum-one", page))
    page.write_text("<html>")
    assert "incidents.json: answer begins with" in refused(insure("outages", "read", "arbitrum-one", page))


@pytest.mark.network
def test_a_chains_gaps_are_searched_over_rpc_and_wait_to_be_decided(insure: Insure, tmp_path: Path) -> None:
    now = int(time.time())
    chain = EmbeddedChain(42_161, now - 20_000)
    chain.mine(3)
    chain.halt()
    chain.travel(chain.head().timestamp + 7_200)
    chain.resume()
    chain.mine(3)
    with serve(chain) as served:
        environment = {"INSURE_SUBJECT_NODES": f"eip155:42161={served.url}", "INSURE_ARCHIVE": tmp_path / "archive"}
        shown = insure("outages", "search", "arbitrum-one", "--since", "1d", **environment)
        assert (shown.code, shown.err) == (0, "")
        assert "none: to be looked into" in shown.out
        assert "--since is 'soon'" in refused(
            insure("outages", "search", "arbitrum-one", "--since", "soon", **environment)
        )
        assert "no two blocks since" in refused(
            insure("outages", "search", "arbitrum-one", "--since", "1s", **environment)
        )
    (told,) = json.loads(insure("outages", "list", "--json", **environment).out)["outages"]
    assert (told["standing"], told["reports"][0]["source"]) == ("new", "headers:eip155:42161")
    assert "OP-stack" in refused(insure("outages", "search", "ham", **environment)), "nobody named its SystemConfig"
    assert "has no node of eip155:1" in refused(insure("outages", "search", "optimism", **environment))
    assert "has no node of eip155:42161" in refused(insure("outages", "search", "arbitrum-one"))
