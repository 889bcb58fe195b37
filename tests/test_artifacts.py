"""Compiled contracts: what artifacts.py makes of the compiler's output, and how code is linked and recognised."""

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from insure.chain import artifacts, reasons
from insure.chain.artifacts import Artifact, artifact, names
from insure.chain.codec import abi
from insure.chain.embedded import EmbeddedChain
from insure.chain.factory import ensure_by_content
from insure.chain.sender import Sender
from insure.errors import InvalidInput, TransactionFailed
from insure.ops.site import Part, Site

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
MOST_BYTES = 24_576
"""EIP-170: larger code is created nowhere."""
SOMEWHERE, ELSEWHERE = "0x" + "11" * 20, "0x" + "22" * 20


def script() -> ModuleType:
    """contracts/artifacts.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("artifacts_script", CONTRACTS / "artifacts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the artifacts of `Linked` and of what it links, as artifacts.py makes them."""
    forge = CONTRACTS / "toolchain" / "forge"
    if not (CONTRACTS / "node_modules").is_dir():
        pytest.skip("the contracts' tools are not installed")
    folder = tmp_path_factory.mktemp("linked")
    subprocess.run(
        [str(forge), "build", "test/harness/Linked.sol"],
        env={**os.environ, "FOUNDRY_OUT": str(folder / "out"), "FOUNDRY_CACHE_PATH": str(folder / "cache")},
        check=True,
        capture_output=True,
    )
    made = script()
    made.write(made.builds(["Linked"], folder / "out"), folder / "artifacts")
    return folder / "artifacts"


@pytest.fixture
def ours(linked: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The artifacts of `Linked` stand where ours do, beside the factory's."""
    factory = artifacts._folder() / "Deployer.json"
    (linked / "Deployer.json").write_text(factory.read_text())
    monkeypatch.setattr(artifacts, "_folder", lambda: linked)
    caches = (artifact, names, abi, reasons._known)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


# ------------------------------------------------------------- what is written


def test_every_linked_library_is_exported_though_only_the_contract_is_listed(linked: Path) -> None:
    made = {path.stem: json.loads(path.read_text()) for path in linked.glob("*.json") if path.stem != "Deployer"}
    assert made.keys() == {"Linked", "Outer", "Inner"}
    assert {name: each["library"] for name, each in made.items()} == {"Linked": False, "Outer": True, "Inner": True}
    assert made["Linked"]["links"].keys() == {"Outer", "Inner"}
    assert made["Linked"]["deployedLinks"].keys() == {"Outer", "Inner"}
    assert made["Outer"]["links"].keys() == {"Inner"}
    for each in made.values():
        for places, code in (("links", "bytecode"), ("deployedLinks", "deployedBytecode")):
            for start in (start for starts in each[places].values() for start in starts):
                assert each[code].removeprefix("0x")[2 * start :].startswith("__$")


def output(links: dict[str, dict[str, list[dict[str, int]]]], immutables: dict[str, object]) -> dict[str, object]:
    code = {"object": "0x00", "linkReferences": links}
    return {"abi": [], "bytecode": code, "deployedBytecode": code | {"immutableReferences": immutables}}


def write_output(out: Path, source: str, name: str, links: dict[str, dict[str, list[dict[str, int]]]]) -> None:
    (out / source).mkdir(parents=True, exist_ok=True)
    immutables = {"7": [{"start": 9, "length": 32}], "3": [{"start": 1, "length": 32}]}
    (out / source / f"{name}.json").write_text(json.dumps(output(links, immutables)))


def test_two_libraries_of_one_name_are_refused(tmp_path: Path) -> None:
    place = [{"start": 0, "length": 20}]
    write_output(tmp_path, "A.sol", "A", {"src/x/L.sol": {"L": place}, "src/y/M.sol": {"L": place}})
    write_output(tmp_path, "L.sol", "L", {})
    with pytest.raises(SystemExit, match=r"two libraries have the name L: in L\.sol and src/y/M\.sol"):
        script().builds(["A"], tmp_path)


def test_a_library_is_one_though_it_is_listed_before_what_links_it(tmp_path: Path) -> None:
    write_output(tmp_path, "A.sol", "A", {"src/L.sol": {"L": [{"start": 0, "length": 20}]}})
    write_output(tmp_path, "L.sol", "L", {})
    made = script().builds(["L", "A"], tmp_path)
    assert {name: json.loads(text)["library"] for name, text in made.items()} == {"L": True, "A": False}


def test_what_no_build_makes_any_more_is_stale_and_goes(tmp_path: Path) -> None:
    made, folder = script(), tmp_path / "artifacts"
    made.write({"A": "1", "B": "2"}, folder)
    assert made.stale({"A": "1", "B": "2"}, folder) == []
    assert made.stale({"A": "1", "B": "3", "C": "4"}, folder) == ["B", "C"]
    assert made.stale({"A": "1"}, folder) == ["B"]
    made.write({"A": "1"}, folder)
    assert [path.name for path in folder.iterdir()] == ["A.json"]


def test_immutables_are_told_in_order_of_their_places(tmp_path: Path) -> None:
    write_output(tmp_path, "A.sol", "A", {})
    assert json.loads(script().builds(["A"], tmp_path)["A"])["immutables"] == [[1, 32], [9, 32]]


# ------------------------------------------------------------- linking


def sample(**changes: object) -> Artifact:
    fields = {
        "name": "Sample",
        "abi": (),
        "bytecode": bytes(30),
        "deployed_bytecode": b"\x60" + bytes(59),
        "links": {"L": (5,)},
        "deployed_links": {"L": (1,), "M": (30,)},
        "immutables": ((22, 4),),
    }
    return Artifact(**fields | changes)  # type: ignore[arg-type]


def test_unlinked_code_is_refused_with_the_libraries_that_are_missing() -> None:
    with pytest.raises(InvalidInput, match=r"Sample can't be linked: no address is given of L$"):
        sample().creation_code({})
    with pytest.raises(InvalidInput, match="no address is given of M"):
        sample().runtime_code({"L": SOMEWHERE})
    with pytest.raises(InvalidInput, match="L is '0x12', which is no address"):
        sample().creation_code({"L": "0x12"})


def test_addresses_go_where_the_compiler_wants_them() -> None:
    assert sample().creation_code({"L": SOMEWHERE}) == bytes(5) + b"\x11" * 20 + bytes(5)
    code = sample().runtime_code({"L": SOMEWHERE, "M": ELSEWHERE})
    assert code == b"\x60" + b"\x11" * 20 + bytes(9) + b"\x22" * 20 + bytes(10)
    assert sample().libraries == ("L", "M")


def test_code_is_compared_without_its_immutables_and_recognised_without_its_libraries() -> None:
    code = bytearray(sample().runtime_code({"L": SOMEWHERE, "M": ELSEWHERE}))
    code[22:26] = b"\x99\x99\x99\x99"
    assert sample().masked(bytes(code)) == sample().runtime_code({"L": SOMEWHERE, "M": ELSEWHERE})
    assert sample().is_code(bytes(code))
    code[-1] = 1
    assert not sample().is_code(bytes(code))
    assert not sample().is_code(b"")
    assert not sample().is_code(bytes(code)[:-1])


def test_a_librarys_own_address_is_not_part_of_its_code() -> None:
    library = sample(deployed_bytecode=b"\x73" + bytes(59), deployed_links={}, immutables=(), library=True)
    assert library.is_code(b"\x73" + b"\x55" * 20 + bytes(39))
    assert not sample(deployed_bytecode=b"\x73" + bytes(59), deployed_links={}, immutables=()).is_code(
        b"\x73" + b"\x55" * 20 + bytes(39)
    )


def test_an_unknown_contract_is_answered_with_those_that_exist() -> None:
    with pytest.raises(InvalidInput, match=r"contract 'Nothing': no such artifact; there are: .*PolicyBook"):
        artifact("Nothing")


@pytest.mark.usefixtures("ours")
def test_a_contract_with_libraries_of_libraries_works_on_a_chain() -> None:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    site = Site.open(Sender(chain, chain.accounts[0]), "salt")
    address = site.place(Part("the linked one", "Linked", (400,)))
    answer = chain.call(address, abi("Linked").encode("eighth", 800))
    assert abi("Linked").decode("eighth", answer) == (200,)
    assert site.libraries.keys() == {"Outer", "Inner"}
    placed = site.contracts["the linked one"]
    assert placed.libraries == {name: site.libraries[name].address for name in ("Inner", "Outer")}
    known = artifact("Linked")
    assert known.masked(chain.code(address)) == known.runtime_code(placed.libraries)
    for name, library in site.libraries.items():
        code = chain.code(library.address)
        assert artifact(name).masked(code) == artifact(name).runtime_code(placed.libraries)
        assert artifact(name).is_code(code)


@pytest.mark.usefixtures("ours")
def test_an_error_of_a_library_is_told_as_it_is() -> None:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    site = Site.open(Sender(chain, chain.accounts[0]), "salt")
    with pytest.raises(TransactionFailed, match=r"creation of it: .*TooMuch: too much \(value 1001\)"):
        site.place(Part("it", "Linked", (1_001,)))


@pytest.mark.usefixtures("ours")
def test_a_library_is_created_once_for_everybody() -> None:
    chain = EmbeddedChain(31_337, 1_702_600_000)
    first, second = (Sender(chain, chain.accounts[index]) for index in (0, 1))
    Site.open(first, "salt").place(Part("a", "Linked", (4,)))
    height = chain.head().number
    code = artifact("Inner").creation_code({})
    assert ensure_by_content(second, "Inner", code) == ensure_by_content(first, "Inner", code)
    assert chain.head().number == height


# ------------------------------------------------------------- ours


@pytest.mark.parametrize("name", names())
def test_every_artifact_can_be_created_on_any_chain(name: str) -> None:
    known = artifact(name)
    assert 0 < len(known.deployed_bytecode) <= MOST_BYTES
    assert len(known.bytecode) <= 2 * MOST_BYTES  # EIP-3860, constructor arguments apart
    for library in known.libraries:
        assert artifact(library).library


def test_what_scripts_and_tests_list_as_contracts_has_an_artifact() -> None:
    assert set(script().CONTRACTS) <= set(names())
    linked = {library for name in names() for library in artifact(name).libraries}
    assert set(names()) - set(script().CONTRACTS) == linked
