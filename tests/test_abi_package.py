"""The ABI package: what integrators get is the ABI of every contract, under a version that follows from it."""

import json
from pathlib import Path

import pytest
from web3 import Web3

from insure.chain.abi_package import AbiPackage, abi_package
from insure.chain.artifacts import artifact, names
from insure.errors import InvalidInput


def test_every_contract_is_in_it_and_no_library() -> None:
    assert set(abi_package().abis) == {name for name in names() if not artifact(name).library}


def test_one_file_per_contract_and_the_version_are_written(tmp_path: Path) -> None:
    package = abi_package()
    written = package.write(tmp_path / "new" / "abi")
    assert {path.stem for path in written} == {*package.abis, "version"}
    told = json.loads((tmp_path / "new" / "abi" / "version.json").read_text())
    assert told == {"version": package.version, "contracts": package.hashes}
    for name in package.abis:
        given = json.loads((tmp_path / "new" / "abi" / f"{name}.json").read_text())
        assert given == list(artifact(name).abi)
        assert Web3().eth.contract(abi=given).all_functions()


def test_one_contract_alone_is_written_with_the_version_of_all(tmp_path: Path) -> None:
    written = abi_package().write(tmp_path, "CoverPool")
    assert [path.name for path in written] == ["CoverPool.json", "version.json"]
    assert json.loads(written[1].read_text())["version"] == abi_package().version


def test_the_version_follows_from_names_and_abis_and_nothing_else() -> None:
    entry = {"type": "function", "name": "a", "inputs": [], "outputs": []}
    one = AbiPackage({"A": (entry,)})
    assert one.version == AbiPackage({"A": (dict(reversed(entry.items())),)}).version
    assert (
        len({one.version, AbiPackage({"B": (entry,)}).version, AbiPackage({"A": (entry | {"name": "b"},)}).version})
        == 3
    )


def test_an_unknown_contract_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"contract 'Pool' is unknown: must be one of CoverPool, "):
        abi_package().write(tmp_path / "abi", "Pool")
    assert not (tmp_path / "abi").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "abi").write_text("")
    with pytest.raises(InvalidInput, match=r"--out .*abi can't be written: File exists"):
        abi_package().write(tmp_path / "abi")
