"""`insure model`: fits are stored and named by their content, shown, compared; overrides are kept with their reason."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from insure import dataset, model_cli
from insure.engine import fit_model
from insure.fits import Fits
from insure.records.mirror import PricedOn
from pricing_models.experience import YEAR_SECONDS
from pricing_models.observation import STANDARD_TRIGGER
from pricing_models.premium import Loadings
from tests.screen_engine import ARBITRUM
from tests.test_cli import DATA, Insure, insure, refused

__all__ = ["insure"]  # the fixture


def told(insure: Insure, *arguments: object, **environment: object) -> dict[str, object]:
    result = insure("model", *arguments, "--json", **environment)
    assert (result.code, result.err) == (0, "")
    found: dict[str, object] = json.loads(result.out)
    return found


def test_fits_are_stored_compared_and_shown(insure: Insure, tmp_path: Path) -> None:
    first = told(insure, "fit", "--as-of", "2026-03-01")
    assert first["refit"] is None
    second = told(insure, "fit", "--as-of", "2026-11-22")
    moved = second["refit"]
    assert isinstance(moved, dict)
    assert (moved["from"], moved["to"]) == (first["model_version"], second["model_version"])
    assert moved["moved"] and all(abs(each["change"]) > 0.1 for each in moved["moved"])
    assert all(each["reasons"] for each in moved["moved"])
    assert {path.stem for path in (tmp_path / "models").glob("*.json")} == {
        first["model_version"],
        second["model_version"],
    }
    again = told(insure, "compare", str(first["model_version"])[:8], second["model_version"])
    assert [each["subject"] for each in again["moved"]] == [each["subject"] for each in moved["moved"]]  # type: ignore[attr-defined]
    assert again["other"] == moved["other"]
    shown = told(insure, "show", "--version", first["model_version"])
    assert (shown["model_version"], shown["as_of"]) == (first["model_version"], "2026-03-01")
    table = insure("model", "compare", first["model_version"], second["model_version"]).out
    assert "prices moved by more than 10%" in table and "fitted 266 days later" in table


def test_a_subject_is_shown_with_its_experience_rate_and_lengths(insure: Insure) -> None:
    found = told(insure, "show", "arbitrum-one", "--as-of", "2026-11-22")
    assert found["subject"] == ARBITRUM
    assert found["experience"]["halts"] == 3  # type: ignore[index]
    rate = found["rate"]
    assert isinstance(rate, dict)
    assert rate["low"] < rate["mean"] < rate["high"] and 0 < rate["credibility"] < 1
    assert sum(found["halts"]["a year"]) == pytest.approx(1.0, abs=0.01)  # type: ignore[index]
    assert found["override"] is None
    table = insure("model", "show", "arbitrum-one", "--as-of", "2026-11-22").out
    assert "credibility" in table and "lengths" not in refused(insure("model", "show", "arbitrum-won"))


def test_a_version_that_is_not_stored_or_was_touched_is_refused(insure: Insure, tmp_path: Path) -> None:
    assert refused(insure("model", "show", "--version", "abc")) == "version 'abc' is not stored: none is"
    version = str(told(insure, "fit", "--as-of", "2026-11-22")["model_version"])
    assert refused(insure("model", "compare", version, "zz")) == f"version 'zz' is not stored: {version}"
    path = tmp_path / "models" / f"{version}.json"
    path.write_text(path.read_text().replace('"permanent": 0.', '"permanent": 0.1'))
    assert "its content has the hash" in refused(insure("model", "show", "--version", version))
    path.write_text("{}")
    assert "is no stored fit" in refused(insure("model", "show", "--version", version))


def test_a_fit_is_stored_though_the_last_one_cannot_be_read(insure: Insure, tmp_path: Path) -> None:
    version = str(told(insure, "fit", "--as-of", "2026-11-21")["model_version"])
    path = tmp_path / "models" / f"{version}.json"
    path.write_text(path.read_text().replace('"age_nodes"', '"of_another_program"'))
    done = insure("model", "fit", "--as-of", "2026-11-22", "--json")
    assert done.code == 0 and "what moved since the last fit is not told" in done.err
    found = json.loads(done.out)
    assert found["refit"] is None and Path(found["stored"]).name == f"{found['model_version']}.json"


def test_a_file_that_cannot_be_read_is_named_and_the_other_fits_are_used(insure: Insure, tmp_path: Path) -> None:
    version = str(told(insure, "fit", "--as-of", "2026-11-21")["model_version"])
    (tmp_path / "models" / "0broken.json").write_text("{")
    assert told(insure, "show", "--version", version)["model_version"] == version
    assert Fits(tmp_path / "models").versions() == [version]
    later = insure("model", "fit", "--as-of", "2026-11-22", "--json")
    assert json.loads(later.out)["refit"]["from"] == version
    assert "left out of the stored fits" in later.err and "0broken.json: can't be read" in later.err
    assert "0broken.json: can't be read" in refused(insure("model", "compare", version, "0broken"))


def test_the_halts_to_be_expected_are_those_that_prices_are_made_from(insure: Insure) -> None:
    found = told(insure, "show", "eip155:199", "--as-of", "2026-11-22")  # it comes into another age in the year
    model = fit_model(dataset.load(DATA), 1_795_305_600)
    rate = model.rate("eip155:199", ahead_seconds=YEAR_SECONDS)
    assert found["halts"]["a year"] == pytest.approx(rate.predictive(1.0)[:5].tolist(), rel=1e-6)  # type: ignore[index]


def test_an_override_is_kept_shown_and_priced(insure: Insure, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    words = ("override", "arbitrum-one", "--rate", "1.5", "--reason", "moved house", "--by", "Ann")
    assert "INSURE_DATA is not set" in refused(insure("model", *words))
    done = insure("model", *words, "--day", "2026-11-01", INSURE_DATA=folder)
    assert (done.code, done.err) == (0, "")
    assert (folder / "overrides.csv").read_text().splitlines()[1] == "eip155:42161,1.5,Ann,2026-11-01,moved house"
    price = json.loads(insure("price", "--subject", ARBITRUM, "--json", INSURE_DATA=folder).out)
    assert "to 1.5 a year by Ann on 2026-11-01: moved house" in price["rests_on"][0]
    assert price["rate"]["credibility"] == 0.0
    stated = {"subject": ARBITRUM, "rate": 1.5, "by": "Ann", "since": "2026-11-01", "reason": "moved house"}
    assert price["override"] == stated
    assert (
        "judgement, by Ann since 2026-11-01: moved house"
        in insure("price", "--subject", ARBITRUM, INSURE_DATA=folder).out
    )
    assert {"point_estimate", "parameter_uncertainty"} <= set(price["judgement"]["parts"])
    found = told(insure, "show", ARBITRUM, INSURE_DATA=folder)
    assert found["override"]["reason"] == "moved house"  # type: ignore[index]
    wrong = insure("model", *words[:2], "--rate", "-1", "--reason", "x", "--by", "Ann", INSURE_DATA=folder)
    assert refused(wrong) == "rate_per_year: '-1' must be above 0 and below 1000"


def test_quotes_that_do_not_say_what_they_were_priced_on_are_told_of(
    insure: Insure, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = PricedOn(STANDARD_TRIGGER, Loadings(expense_fixed=1e12), None, None, 0)
    asked = replace(model_cli.PANEL, subject_id=ARBITRUM)
    first, second = (told(insure, "fit", "--as-of", day)["model_version"] for day in ("2026-03-01", "2026-11-22"))
    usual = told(insure, "compare", first, second)
    monkeypatch.setattr(model_cli, "_quotes", lambda settings: [(asked, None), (asked, dear)])
    found = told(insure, "compare", first, second)
    (move,) = found["moved"]  # type: ignore[misc]  # the expenses of the other leave no room for a tenth
    before = {each["subject"]: each["before"] for each in usual["moved"]}  # type: ignore[attr-defined]
    assert move["before"] == before[ARBITRUM]
    line = "1 of 2 quotes do not say on which paths and with which loadings: the usual are taken"
    assert found["compared"] == 2 and line in found["other"]  # type: ignore[operator]


def test_a_day_that_is_none_or_still_to_come_is_refused_by_its_option(insure: Insure, tmp_path: Path) -> None:
    for words in (["fit"], ["show"], ["backtest", "--out", "x.json"]):
        told = refused(insure("model", *words, "--as-of", "9999-12-31"))
        assert told.startswith("--as-of is '9999-12-31': must not be after today, ")
    words = ["override", "arbitrum-one", "--reason", "x", "--by", "y", "--day", "soon"]
    assert refused(insure("model", *words, INSURE_DATA=DATA)).startswith("--day is 'soon': must be a day such as")


def test_what_is_no_chain_is_refused_as_such(insure: Insure) -> None:
    right = "subject svc:op-stack is a stack: must be a chain, the only ones with rates"
    assert refused(insure("model", "show", "svc:op-stack", "--as-of", "2026-11-22")) == right
    assert refused(insure("price", "--subject", "svc:op-stack")) == right


def test_a_look_back_has_a_file_to_go_to_before_it_begins(insure: Insure, tmp_path: Path) -> None:
    told = refused(insure("model", "backtest", "--out", tmp_path))
    assert told == f"--out is {tmp_path}: must be a file that can be written"


def test_a_store_that_cannot_be_written_is_named(insure: Insure, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(insure("model", "fit", "--as-of", "2026-11-22", "--store", "file/x")).startswith(
        "folder of fits file/x: can't be written"
    )


def test_an_empty_folder_has_no_last_fit(tmp_path: Path) -> None:
    assert Fits(tmp_path / "none").last() is None
