"""The manifest of an installation: what is written is read back the same, and a broken one says what is broken."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from insure.errors import InvalidInput
from insure.records.deployment import Deployment
from tests.screen_engine import ARBITRUM, DEPLOYMENT, TRIGGER


def manifest(**changes: object) -> dict[str, Any]:
    return json.loads(DEPLOYMENT.to_json()) | changes  # type: ignore[no-any-return]


def problem(given: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        Deployment.from_json(given if isinstance(given, str) else json.dumps(given))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_manifest_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(DEPLOYMENT.to_json())
    assert Deployment.read(path) == DEPLOYMENT


def test_addresses_are_checksummed_whatever_the_file_writes() -> None:
    lower = manifest(policy_book=DEPLOYMENT.policy_book.lower())
    lower["triggers"][0]["paths"] = {name: each.lower() for name, each in lower["triggers"][0]["paths"].items()}
    assert Deployment.from_json(json.dumps(lower)) == DEPLOYMENT


@pytest.mark.parametrize("name", list(json.loads(DEPLOYMENT.to_json())))
def test_a_missing_field_is_named(name: str) -> None:
    fields = manifest()
    del fields[name]
    assert problem(fields) == f"deployment manifest: {name} is missing"


def test_all_missing_and_unknown_fields_are_named_at_once() -> None:
    fields = manifest(pool="0x00")
    del fields["cover_pool"], fields["asset"]
    assert problem(fields) == (
        "deployment manifest: asset is missing; cover_pool is missing; pool is no field of a manifest"
    )


def test_a_field_of_a_trigger_is_named_with_its_place() -> None:
    fields = manifest()
    del fields["triggers"][1]["paths"]
    assert problem(fields) == "deployment manifest: triggers[1].paths is missing"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("chain_id", "1", "whole number"),
        ("chain_id", True, "whole number"),
        ("block", -1, "whole number"),
        ("asset", "0x12", "an address"),
        ("cover_pool", None, "an address"),
        ("watcher_paths", [], "addresses by name"),
        ("heartbeat_paths", {"beat": 7}, "an address"),
        ("triggers", {}, "a list"),
        ("triggers", ["x"], "an object"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name: str, value: object, right: str) -> None:
    told = problem(manifest(**{name: value}))
    assert told.startswith(f"deployment manifest: {name}")
    assert right in told


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "null"])
def test_what_is_no_manifest_at_all_is_refused(text: str) -> None:
    assert problem(text).startswith("deployment manifest: ")


def test_a_file_that_is_not_there_is_refused_with_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.json: no such file; `insure deploy` writes it"):
        Deployment.read(tmp_path / "none.json")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(InvalidInput, match="can't be read"):
        Deployment.read(path)


def test_a_listed_subject_is_found_and_another_is_refused_with_those_that_are_listed() -> None:
    assert DEPLOYMENT.trigger_for(ARBITRUM).trigger_id == TRIGGER[ARBITRUM]
    with pytest.raises(InvalidInput, match=f"eip155:1'.*listed: {ARBITRUM}, "):
        DEPLOYMENT.trigger_for("eip155:1")


def test_scenarios_keep_the_order_of_their_numbers_through_the_file() -> None:
    scenarios = {"zebra": ["eip155:10"], "ant": ["eip155:42161"]}
    whole = replace(DEPLOYMENT, scenarios=scenarios)
    assert list(Deployment.from_json(whole.to_json()).scenarios) == ["zebra", "ant"]
