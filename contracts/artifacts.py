"""Compiles the contracts and writes ABI and bytecode to artifacts/, or checks that those committed are the same."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
ARTIFACTS = ROOT / "artifacts"
CONTRACTS = (
    "IncidentBook",
    "PolicyBook",
    "CoverPool",
    "PolicyDescriptor",
    "Disputes",
    "WatcherPath",
    "HeartbeatPath",
    "TestAsset",
    "Deployer",
    "Timelock",
)
"""What is deployed by name; the libraries that it links come along, because the compiler says which they are."""

Output = dict[str, Any]


def builds(contracts: Iterable[str], out: Path) -> dict[str, str]:
    """The artifacts' texts by name: the contracts, and every library that one of them links, in forge's output `out`.

    Raises `SystemExit` when two of them have one name.
    """
    outputs: dict[str, Output] = {}
    sources: dict[str, str] = {}
    libraries: set[str] = set()
    wanted = [(f"{name}.sol", name) for name in contracts]
    for source, name in wanted:  # grows as links are found
        if sources.setdefault(name, Path(source).name) != Path(source).name:
            raise SystemExit(f"two libraries have the name {name}: in {sources[name]} and {source}")
        if name in outputs:
            continue
        outputs[name] = json.loads((out / Path(source).name / f"{name}.json").read_text())
        found = list(_linked(outputs[name]))
        libraries.update(library for _, library in found)
        wanted += found
    return {name: compiled(name, output, library=name in libraries) for name, output in outputs.items()}


def compiled(name: str, output: Output, *, library: bool = False) -> str:
    """The artifact's text, from forge's output; keys sorted, so that equal builds are equal bytes."""
    created, deployed = output["bytecode"], output["deployedBytecode"]
    artifact = {
        "contractName": name,
        "library": library,
        "abi": output["abi"],
        "bytecode": created["object"],
        "links": _links(created),
        "deployedBytecode": deployed["object"],
        "deployedLinks": _links(deployed),
        "immutables": _immutables(deployed.get("immutableReferences", {})),
    }
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def _linked(output: Output) -> Iterator[tuple[str, str]]:
    """The libraries whose addresses a contract's code needs, as (source file, name)."""
    for code in (output["bytecode"], output["deployedBytecode"]):
        for source, libraries in code.get("linkReferences", {}).items():
            yield from ((source, library) for library in libraries)


def _links(code: Output) -> dict[str, list[int]]:
    """Where the code wants the addresses of libraries, as the starts of 20 bytes by the library's name."""
    return {
        library: sorted(place["start"] for place in places)
        for libraries in code.get("linkReferences", {}).values()
        for library, places in libraries.items()
    }


def _immutables(references: dict[str, list[dict[str, int]]]) -> list[list[int]]:
    """Where immutables stand in the deployed code, as [start, length]; the compiler's ids differ by build."""
    return sorted([place["start"], place["length"]] for places in references.values() for place in places)


def stale(texts: dict[str, str], folder: Path) -> list[str]:
    """Names of the artifacts in `folder` that are missing, differ from a fresh build, or that nothing builds."""
    kept = {path.stem: path.read_text() for path in folder.glob("*.json")}
    return sorted(name for name in kept.keys() | texts.keys() if kept.get(name) != texts.get(name))


def write(texts: dict[str, str], folder: Path) -> None:
    """Makes `folder` hold exactly these artifacts."""
    folder.mkdir(exist_ok=True)
    for name in stale(texts, folder):
        path = folder / f"{name}.json"
        if name in texts:
            path.write_text(texts[name])
        else:
            path.unlink()


def main() -> int:
    """Writes the artifacts; with `--check` writes nothing and returns 1 if any differs from a fresh build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with a fresh build instead of writing")
    check = parser.parse_args().check
    subprocess.run([str(ROOT / "toolchain" / "forge"), "build"], check=True, stdout=sys.stderr)
    texts = builds(CONTRACTS, ROOT / "out")
    if not check:
        write(texts, ARTIFACTS)
        return 0
    differing = stale(texts, ARTIFACTS)
    if differing:
        print(f"artifacts differ from a fresh build: {', '.join(differing)}; run `make artifacts`", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
