"""Compiles the contracts and writes ABI and bytecode to artifacts/, or checks that those committed are the same."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ARTIFACTS = ROOT / "artifacts"
CONTRACTS = (
    "IncidentBook",
    "PolicyBook",
    "CoverPool",
    "WatcherPath",
    "HeartbeatPath",
    "TestAsset",
)


def compiled(name: str) -> str:
    """The artifact's text for one contract, from forge's output; keys sorted, so that equal builds are equal bytes."""
    output = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    artifact = {
        "contractName": name,
        "abi": output["abi"],
        "bytecode": output["bytecode"]["object"],
        "deployedBytecode": output["deployedBytecode"]["object"],
        "immutables": _immutables(output["deployedBytecode"].get("immutableReferences", {})),
    }
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def _immutables(references: dict[str, list[dict[str, int]]]) -> list[list[int]]:
    """Where immutables stand in the deployed code, as [start, length]; the compiler's ids differ by build."""
    return sorted([place["start"], place["length"]] for places in references.values() for place in places)


def main() -> int:
    """Writes the artifacts; with `--check` writes nothing and returns 1 if any differs from a fresh build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with a fresh build instead of writing")
    check = parser.parse_args().check
    subprocess.run([str(ROOT / "toolchain" / "forge"), "build"], check=True, stdout=sys.stderr)

    stale = []
    for name in CONTRACTS:
        path, text = ARTIFACTS / f"{name}.json", compiled(name)
        if check and (not path.is_file() or path.read_text() != text):
            stale.append(name)
        elif not check:
            ARTIFACTS.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        print(f"artifacts differ from a fresh build: {', '.join(stale)}; run `make artifacts`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
