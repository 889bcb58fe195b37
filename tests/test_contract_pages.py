"""Every test that INVARIANTS.md and LESSONS.md name exists, so that neither page promises what nothing shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "contracts"
SOLIDITY = "\n".join(path.read_text() for path in sorted((CONTRACTS / "test").rglob("*.sol")))
FUNCTIONS = set(re.findall(r"function (\w+)", SOLIDITY))


@pytest.mark.parametrize("page", ["INVARIANTS.md", "LESSONS.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"`((?:test|testFuzz|invariant|check)_\w+)(…?)`", (CONTRACTS / page).read_text())
    assert len(named) > 20
    missing = [
        name
        for name, more in named
        if not (any(each.startswith(name) for each in FUNCTIONS) if more else name in FUNCTIONS)
    ]
    assert not missing


def test_every_lesson_has_a_test_that_names_it_or_an_entry() -> None:
    page = (CONTRACTS / "LESSONS.md").read_text()
    rows = [int(number) for number in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)]
    assert rows == list(range(1, 16))
    named = {int(number) for number in re.findall(r"Lesson(\d+)_", "\n".join(FUNCTIONS))}
    assert named == set(rows)


def test_the_campaign_checks_every_invariant() -> None:
    invariants = set(re.findall(r"function (invariant_\w+)", (CONTRACTS / "test/invariant/Cover.t.sol").read_text()))
    called = set(re.findall(r"(invariant_\w+)\(\);", (CONTRACTS / "campaign/Cover.t.sol").read_text()))
    assert called == invariants
