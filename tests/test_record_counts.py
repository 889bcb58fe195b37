"""The counts in data/README.md are those of the data."""

from dataclasses import replace
from pathlib import Path

import pytest

from insure import dataset, record_counts
from insure.errors import InvalidInput
from insure.record_counts import BEGIN, END, counts, written
from insure.records.history import Observation

README = Path(__file__).resolve().parent.parent / "data" / "README.md"


def rows(text: str, title: str) -> dict[str, list[str]]:
    """The table whose first heading begins like that, by its first column."""
    (table,) = (part for part in text.split("\n\n") if part.startswith(f"| {title}"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def test_the_page_says_what_the_data_hold() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == written(page, dataset.load(README.parent)), "make counts"


def test_every_row_is_counted_once() -> None:
    history = dataset.load()
    text = counts(history)
    total, chains, rollups, _ = map(int, rows(text, "year")["all"])
    usable = sum(outage.usable for outage in history.outages)
    assert (total, chains + rollups) == (len(history.outages), usable)
    assert sum(int(start) for start, _ in rows(text, "precision").values()) == usable
    assert sum(int(end) for _, end in rows(text, "precision").values()) == usable
    assert sum(int(each) for each, _ in rows(text, "confidence").values()) == total
    assert sum(int(each) for each, _ in rows(text, "what stopped").values()) == total


def test_an_unsearched_member_is_a_gap() -> None:
    history = dataset.load()
    before = int(rows(counts(history), "gap")["members of the universe that nobody watched"][0])
    first = next(s for s in history.subjects if s.in_frequency_universe and s.observation is Observation.PRESS)
    others = tuple(replace(s, observation=Observation.NONE) if s is first else s for s in history.subjects)
    after = int(
        rows(counts(replace(history, subjects=others)), "gap")["members of the universe that nobody watched"][0]
    )
    assert after == before + 1


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no place for counts"):
        written("# Data", dataset.load())


def test_a_page_that_is_out_of_date_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("subjects.csv", "outages.csv", "dependencies.csv"):
        (tmp_path / name).write_bytes((README.parent / name).read_bytes())
    page = tmp_path / "README.md"
    page.write_text(f"{BEGIN}\nold\n{END}\nrest\n")
    monkeypatch.setattr("sys.argv", ["record_counts", "--check", str(page)])
    with pytest.raises(SystemExit, match="not those of the data"):
        record_counts.main()
    monkeypatch.setattr("sys.argv", ["record_counts", str(page)])
    record_counts.main()
    assert page.read_text().endswith("rest\n") and "old" not in page.read_text()
    monkeypatch.setattr("sys.argv", ["record_counts", "--check", str(page)])
    record_counts.main()
