"""ABI and bytecode of the contracts: those packaged with `insure`, or those of the repository."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.address import is_address, to_canonical_address

from insure.errors import InvalidInput
from insure.records.onchain import Address

_PACKAGED = Path(__file__).resolve().parents[1] / "_artifacts"
_REPOSITORY = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"
_ADDRESS_BYTES = 20
_PUSH_20 = b"\x73"

Places = Mapping[str, tuple[int, ...]]
"""Where code wants the addresses of libraries: starts of 20 bytes by the library's name."""


@dataclass(frozen=True)
class Artifact:
    """One compiled contract or library, its code with zeros where addresses of libraries and immutables belong."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes
    links: Places = field(default_factory=dict)
    deployed_links: Places = field(default_factory=dict)
    immutables: tuple[tuple[int, int], ...] = ()
    """Start and length in the deployed code."""
    library: bool = False

    @property
    def libraries(self) -> tuple[str, ...]:
        """Names of the libraries that it links itself, in order."""
        return tuple(sorted(self.links.keys() | self.deployed_links.keys()))

    def creation_code(self, libraries: Mapping[str, Address]) -> bytes:
        """What creates it when the encoded constructor arguments follow.

        Raises `InvalidInput` naming the libraries whose address is not among those given.
        """
        return _linked(self.name, self.bytecode, self.links, libraries)

    def runtime_code(self, libraries: Mapping[str, Address]) -> bytes:
        """What lies on the chain but for immutables, which are zero here; raises as `creation_code` does."""
        return self.masked(_linked(self.name, self.deployed_bytecode, self.deployed_links, libraries))

    def masked(self, code: bytes) -> bytes:
        """Code from a chain with zeros where this contract has what is filled in when it is created."""
        cleared = bytearray(code)
        for start, length in (*self.immutables, *self._own_address()):
            cleared[start : start + length] = bytes(len(cleared[start : start + length]))
        return bytes(cleared)

    def is_code(self, code: bytes) -> bool:
        """Whether code from a chain is this contract's, whatever its immutables and wherever its libraries are."""
        places = [(start, _ADDRESS_BYTES) for starts in self.deployed_links.values() for start in starts]
        cleared = bytearray(self.masked(code))
        for start, length in places:
            cleared[start : start + length] = bytes(len(cleared[start : start + length]))
        return bytes(cleared) == self.masked(self.deployed_bytecode)

    def _own_address(self) -> tuple[tuple[int, int], ...]:
        """A library's code begins by pushing its own address, which refuses calls that are not delegated."""
        if self.library and self.deployed_bytecode[:1] == _PUSH_20:
            return ((1, _ADDRESS_BYTES),)
        return ()


@cache
def artifact(name: str) -> Artifact:
    """The compiled contract of that name; raises `InvalidInput` naming those that exist."""
    path = _folder() / f"{name}.json"
    if name not in names():
        known = ", ".join(names()) or "none; run `make artifacts`"
        raise InvalidInput(f"contract {name!r}: no such artifact; there are: {known}")
    fields = json.loads(path.read_text())
    links, deployed_links = _places(fields["links"]), _places(fields["deployedLinks"])
    return Artifact(
        name,
        tuple(fields["abi"]),
        _bytes(fields["bytecode"], links),
        _bytes(fields["deployedBytecode"], deployed_links),
        links,
        deployed_links,
        tuple((start, length) for start, length in fields["immutables"]),
        fields["library"],
    )


@cache
def names() -> tuple[str, ...]:
    """All compiled contracts and libraries."""
    return tuple(sorted(path.stem for path in _folder().glob("*.json")))


def _folder() -> Path:
    return _PACKAGED if _PACKAGED.is_dir() else _REPOSITORY


def _linked(name: str, code: bytes, places: Places, libraries: Mapping[str, Address]) -> bytes:
    missing = [library for library in places if library not in libraries]
    if missing:
        raise InvalidInput(f"{name} can't be linked: no address is given of {', '.join(sorted(missing))}")
    linked = bytearray(code)
    for library, starts in places.items():
        if not is_address(libraries[library]):
            raise InvalidInput(f"{name} can't be linked: {library} is {libraries[library]!r}, which is no address")
        for start in starts:
            linked[start : start + _ADDRESS_BYTES] = to_canonical_address(libraries[library])
    return bytes(linked)


def _places(given: Mapping[str, list[int]]) -> Places:
    return {library: tuple(starts) for library, starts in given.items()}


def _bytes(text: str, links: Places) -> bytes:
    """The code, with zeros where the compiler left names of libraries."""
    digits = list(text.removeprefix("0x"))
    for starts in links.values():
        for start in starts:
            digits[2 * start : 2 * (start + _ADDRESS_BYTES)] = "00" * _ADDRESS_BYTES
    return bytes.fromhex("".join(digits))
