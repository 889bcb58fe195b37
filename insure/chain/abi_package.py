"""The contracts' ABIs for integrators: plain JSON, with a version that changes when any of them does."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from insure.chain.artifacts import artifact, names
from insure.errors import InvalidInput

VERSION_FILE = "version.json"


@dataclass(frozen=True)
class AbiPackage:
    """ABIs by contract; libraries are left out, since nobody but our contracts calls them."""

    abis: dict[str, tuple[dict[str, Any], ...]]

    @property
    def hashes(self) -> dict[str, str]:
        """Hash of each contract's ABI, of its JSON with sorted keys and no spaces."""
        return {name: _hash(abi) for name, abi in self.abis.items()}

    @property
    def version(self) -> str:
        """One hash over all names and ABIs."""
        return _hash(self.hashes)

    def manifest(self) -> dict[str, Any]:
        """The version, and each contract's hash."""
        return {"version": self.version, "contracts": self.hashes}

    def abi(self, name: str) -> tuple[dict[str, Any], ...]:
        """One contract's ABI; raises `InvalidInput` naming those that exist."""
        if name not in self.abis:
            raise InvalidInput(f"contract {name!r} is unknown: must be one of {', '.join(self.abis)}")
        return self.abis[name]

    def write(self, folder: Path, only: str = "") -> list[Path]:
        """Writes one file per contract, or that of `only`, and version.json; returns what was written.

        Raises `InvalidInput` when the folder can't be written to, or as `abi` does.
        """
        texts = {f"{name}.json": self.abi(name) for name in ([only] if only else self.abis)}
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in (texts | {VERSION_FILE: self.manifest()}).items():
                path = folder / name
                path.write_text(json.dumps(content, indent=2) + "\n")
                written.append(path)
        except OSError as error:
            raise InvalidInput(f"--out {folder} can't be written: {error.strerror}") from error
        return written


@cache
def abi_package() -> AbiPackage:
    """The ABIs of the artifacts that this version of `insure` comes with."""
    contracts = (artifact(name) for name in names())
    return AbiPackage({each.name: each.abi for each in contracts if not each.library})


def _hash(content: object) -> str:
    return "0x" + keccak(text=json.dumps(content, sort_keys=True, separators=(",", ":"))).hex()
