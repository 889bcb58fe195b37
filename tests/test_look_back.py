"""The look back as it was written, on the screen with what speaks against the models; what is none is refused."""

import json
from pathlib import Path

import pytest

from dashboard import figures
from dashboard.pages import look_back as page
from insure.errors import InvalidInput
from insure.look_back import default_file, read_look_back
from insure.records.views import LookBack
from tests.screen_engine import ScreenEngine, model

FILE = Path(__file__).resolve().parent.parent / "results" / "backtest.json"
TOLD = json.loads(FILE.read_text())
LAW = {
    "parameters": 4,
    "halts": 78,
    "gain": 6.6,
    "gain_low": -0.4,
    "gain_high": 14.5,
    "behind_best": 0.0,
    "behind_best_se": 0.0,
    "coverage_50": 0.53,
    "coverage_80": 0.8,
    "coverage_90": 0.88,
    "expected_over_paid": 1.17,
    "expected_over_paid_5": 0.97,
    "expected_over_paid_95": 1.44,
}


@pytest.fixture(scope="module")
def found() -> LookBack:
    read = read_look_back(FILE)
    assert read is not None
    return read


def test_it_is_what_was_written(found: LookBack) -> None:
    assert default_file() == FILE
    assert (found.as_of, found.model_version, found.shipped) == (
        TOLD["as_of"],
        TOLD["model_version"],
        TOLD["shipped"],
    )
    assert {each.name for each in found.models} == set(TOLD["frequency"]["year"]["candidates"]["all"])
    assert [each.year for each in found.book] == list(TOLD["book"]["by_year"])
    assert list(found.against) == TOLD["unflattering"]
    figures_of = {fit: study["p_values"] for fit, study in TOLD["calibration"].items()}
    assert found.simulated == {f"{fit}: {name}": p for fit, each in figures_of.items() for name, p in each.items()}


def test_no_file_is_no_look_back_and_another_file_is_refused(tmp_path: Path) -> None:
    assert read_look_back(tmp_path / "none.json") is None
    for text in ("", "[]", "{}", json.dumps(TOLD | {"book": None})):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(InvalidInput, match=r"is no look back: .*; `insure model backtest` writes one"):
            read_look_back(tmp_path / "wrong.json")


def test_the_page_shows_what_speaks_against_the_model_first(found: LookBack) -> None:
    shown = page.outputs(ScreenEngine())
    message, tiles, against, models, _, years, *_ = shown
    assert all(line in str(against) for line in found.against)
    assert found.shipped.replace("_", " ") in str(tiles)
    assert f"p ≥ {min(found.simulated.values()):.2f}" in str(tiles)
    assert all(each.name in str(models) for each in found.models)
    assert all(each.year in str(years) for each in found.book)
    assert (message is None) == (found.model_version == model().version)


def test_the_laws_of_lengths_are_on_the_page_and_none_are_in_a_look_back_of_an_earlier_program(tmp_path: Path) -> None:
    file = tmp_path / "backtest.json"
    file.write_text(json.dumps(TOLD | {"lengths": {"shipped": "by_kind", "candidates": {"by_kind": LAW}}}))
    found = read_look_back(file)
    assert found is not None and found.lengths_shipped == "by_kind"
    [law] = found.lengths
    assert (law.coverage, law.expected_over_paid_high) == ((0.53, 0.8, 0.88), 1.44)
    shown = str(page.lengths_table(found))
    for part in ("by_kind", "+6.6", "-0.4 to 14.5", "53.0%", "1.17", "0.97 to 1.44", "78 halts"):
        assert part in shown
    file.write_text(json.dumps(TOLD | {"lengths": {"lognormal": {"parameters": 2}}}))
    old = read_look_back(file)
    assert old is not None and old.lengths == ()
    assert "No law of lengths was tried." in str(page.lengths_table(old))


def test_without_a_look_back_the_page_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.screen_engine.read_look_back", lambda: None)
    assert "insure model backtest" in str(page.outputs(ScreenEngine())[0])

    def broken() -> None:
        raise InvalidInput("results/backtest.json: is no look back: it is torn")

    monkeypatch.setattr("tests.screen_engine.read_look_back", broken)
    assert "it is torn" in str(page.outputs(ScreenEngine())[0])


def test_the_figures_draw_what_the_table_says(found: LookBack) -> None:
    [dots] = figures.gains(found).data
    assert sorted(dots.x) == sorted(each.gain for each in found.models)
    paid, expected, premium = figures.synthetic_book(found).data
    years = [each for each in found.book if each.year != "all"]
    assert list(paid.y) == [each.paid_base for each in years]
    assert list(expected.y) == [each.expected for each in years]
    assert list(premium.y) == [each.premium for each in years]
    assert list(figures.calibration(found).data[0].y) == list(found.pit)
    assert [list(bar.y) for bar in figures.spread(found).data] == [
        [each.expected for each in found.spread],
        [each.observed for each in found.spread],
    ]
    assert figures.spread(found).layout.xaxis.type == "category", "names of fifths pass for numbers"
