"""The manifest of an installation: what is written is read back the same, and a broken one says what is broken."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from insure.errors import InvalidInput
from insure.records.deployment import DeployedContract, DeployedLibrary, Deployment
from tests.screen_engine import ARBITRUM, LISTING, TRIGGER, address, word
from tests.screen_engine import DEPLOYMENT as BARE

POOL = DeployedContract(
    artifact="CoverPool",
    address=BARE.cover_pool,
    arguments={"owner_": address(1), "cooldown_": 5, "observers_": [address(2)]},
    code_hash=word(1),
    creation_hash=word(2),
    salt=word(3),
    libraries={"RedeemQueue": address(4)},
)
DEPLOYMENT = replace(
    BARE,
    triggers=(replace(BARE.triggers[0], listing=replace(LISTING, cap=10**26)), *BARE.triggers[1:]),
    underwriters={address(5): 10**26},
    contracts={"CoverPool": POOL},
    libraries={"RedeemQueue": DeployedLibrary(address(4), word(4))},
    timelock=address(6),
)


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


@pytest.mark.parametrize("name", sorted(set(json.loads(DEPLOYMENT.to_json())) - {"schema_version"}))
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
        ("timelock", "0x12", "an address"),
        ("creator", "me", "an address"),
        ("salt", 5, "a text"),
        ("commit", None, "a text"),
        ("scenarios", [], "an object"),
        ("scenarios", {"all": "eip155:1"}, "a list"),
        ("scenarios", {"all": [5]}, "a text"),
        ("underwriters", {"0x12": "5"}, "an address"),
        ("underwriters", {address(5): 5}, "smallest units as a text of digits"),
        ("underwriters", {address(5): "-5"}, "smallest units as a text of digits"),
        ("contracts", [], "an object"),
        ("contracts", {"A": 5}, "an object"),
        ("libraries", {"A": {"address": "x", "code_hash": word(1)}}, "an address"),
        ("libraries", {"A": {"address": address(1), "code_hash": "0x12"}}, "0x and 64 hex digits"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name: str, value: object, right: str) -> None:
    told = problem(manifest(**{name: value}))
    assert told.startswith(f"deployment manifest: {name}")
    assert right in told


@pytest.mark.parametrize(
    "name", ["artifact", "address", "arguments", "code_hash", "creation_hash", "salt", "libraries"]
)
def test_a_field_of_a_contract_is_named_with_its_place(name: str) -> None:
    fields = manifest()
    fields["contracts"]["CoverPool"][name] = None
    assert problem(fields).startswith(f"deployment manifest: contracts.CoverPool.{name} is None: must be ")
    del fields["contracts"]["CoverPool"][name]
    assert problem(fields) == f"deployment manifest: contracts.CoverPool.{name} is missing"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [("cap", 5, "smallest units"), ("open", 1, "true or false"), ("minimum_term", "7d", "whole number")],
)
def test_a_bound_of_sale_is_named_with_its_place(name: str, value: object, right: str) -> None:
    fields = manifest()
    fields["triggers"][0]["listing"][name] = value
    told = problem(fields)
    assert told.startswith(f"deployment manifest: triggers[0].listing.{name} is {value!r}: must be ")
    assert right in told


def test_a_manifest_of_before_says_what_it_lacks_and_who_writes_it() -> None:
    fields = manifest()
    for name in ("schema_version", "contracts", "libraries", "creator", "deployer", "timelock", "salt", "commit"):
        del fields[name]
    assert problem(fields) == (
        "deployment manifest: schema_version is missing, must be 2; it lacks contracts, libraries, deployer, creator, "
        "timelock, salt, commit, schema_version: `insure deploy` writes it"
    )


def test_a_manifest_of_a_later_version_is_refused() -> None:
    told = problem(manifest(schema_version=3))
    assert told == (
        "deployment manifest: schema_version is 3, must be 2: read it with the version of insure that wrote it"
    )


def test_amounts_are_written_as_texts_that_every_reader_keeps_whole() -> None:
    assert manifest()["underwriters"] == {address(5): "1" + "0" * 26}
    assert manifest()["triggers"][0]["listing"]["cap"] == "1" + "0" * 26


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
