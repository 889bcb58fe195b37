"""ABI and bytecode of the contracts: those packaged with `insure`, or those of the repository."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from insure.errors import InvalidInput

_PACKAGED = Path(__file__).resolve().parents[1] / "_artifacts"
_REPOSITORY = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"


@dataclass(frozen=True)
class Artifact:
    """One compiled contract; `bytecode` creates it when the encoded constructor arguments follow."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes


@cache
def artifact(name: str) -> Artifact:
    """The compiled contract of that name; raises `InvalidInput` naming those that exist."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _REPOSITORY
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.json"))) or "none; run `make artifacts`"
        raise InvalidInput(f"contract {name!r}: no such artifact; there are: {known}")
    fields = json.loads(path.read_text())
    return Artifact(
        name,
        tuple(fields["abi"]),
        _bytes(fields["bytecode"]),
        _bytes(fields["deployedBytecode"]),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
