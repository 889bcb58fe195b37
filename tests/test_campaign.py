"""The invariant campaign in slices: nothing is run twice, nothing is skipped, and a change begins anew."""

import json
import time
from pathlib import Path

import pytest

from contracts import campaign
from contracts.campaign import Plan, fingerprint, keep, passed

PLAN = Plan(runs=1_000, slice=300, depth=8)


@pytest.fixture
def seeds_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which slices were run, each of which passes, with the progress in a folder of the test's own."""
    seeds: list[int] = []

    def run(_: Plan, seed: int) -> tuple[int, str]:
        seeds.append(seed)
        return 0, ""

    progress = tmp_path / "cache" / "progress.json"
    monkeypatch.setattr(campaign, "run", run)
    monkeypatch.setattr(campaign, "fingerprint", lambda: "sources")
    monkeypatch.setattr(campaign, "passed", lambda key: passed(key, progress))
    monkeypatch.setattr(campaign, "keep", lambda key, done: keep(key, done, progress))
    return seeds


def later(seconds: float) -> float:
    return time.monotonic() + seconds


def test_every_slice_runs_once_and_the_last_one_is_whole(seeds_run: list[int]) -> None:
    assert campaign.campaign(PLAN, 2, later(60)) == 0
    assert sorted(seeds_run) == [1, 2, 3, 4]


def test_what_passed_is_not_run_again_until_something_changes(
    seeds_run: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign.campaign(PLAN, 1, later(60))
    campaign.campaign(PLAN, 1, later(60))
    assert len(seeds_run) == 4
    campaign.campaign(Plan(PLAN.runs, PLAN.slice, PLAN.depth + 1), 1, later(60))
    assert len(seeds_run) == 8
    monkeypatch.setattr(campaign, "fingerprint", lambda: "other sources")
    campaign.campaign(PLAN, 1, later(60))
    assert len(seeds_run) == 12


def test_after_the_deadline_nothing_begins(seeds_run: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.campaign(PLAN, 2, later(-1)) == 0
    assert not seeds_run
    assert "run again to go on" in capsys.readouterr().out


def test_a_failing_slice_is_told_with_its_seed_and_never_counts(
    seeds_run: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "run", lambda _, seed: (int(seed == 2), "C1 is broken"))
    assert campaign.campaign(PLAN, 1, later(60)) == 1
    assert "seed 0x2 fails:\nC1 is broken" in capsys.readouterr().out
    monkeypatch.setattr(campaign, "run", lambda _, seed: (seeds_run.append(seed) or 0, ""))
    campaign.campaign(PLAN, 1, later(60))
    assert seeds_run == [2, 3, 4]


def test_the_fingerprint_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Pool.sol").write_text("contract Pool {}")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "src" / "Pool.sol").write_text("contract Pool { }")
    assert fingerprint(tmp_path) != before


def test_progress_is_a_plain_file(tmp_path: Path) -> None:
    progress = tmp_path / "cache" / "progress.json"
    keep("a", {3, 1}, progress)
    assert json.loads(progress.read_text()) == {"key": "a", "seeds": [1, 3]}
    assert passed("a", progress) == {1, 3}
    assert passed("b", progress) == set()
