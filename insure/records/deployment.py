"""Where the contracts of one installation are: the manifest that `insure deploy` writes and everything else reads."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from insure.errors import InvalidInput
from insure.records.onchain import Address, Bytes32


@dataclass(frozen=True)
class ListedTrigger:
    """A trigger that is sold: its id, its subject's id, and the addresses of its paths by name."""

    trigger_id: Bytes32
    subject_id: str
    paths: dict[str, Address]


@dataclass(frozen=True)
class Deployment:
    """Addresses of one installation on its host chain; `block` is where reading its logs begins."""

    chain_id: int
    block: int
    asset: Address
    asset_symbol: str
    asset_decimals: int
    incident_book: Address
    policy_book: Address
    cover_pool: Address
    watcher_paths: dict[str, Address]
    heartbeat_paths: dict[str, Address]
    triggers: tuple[ListedTrigger, ...] = ()
    scenarios: dict[str, list[str]] = field(default_factory=dict)
    """Subject ids by the name of the scenario that can stop them together."""

    def to_json(self) -> str:
        """The manifest's text; scenarios stay in the order of their numbers on the chain."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Deployment":
        """Reads a manifest; raises `InvalidInput` naming what is missing, unknown or wrong."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"deployment manifest: not JSON: {error}") from error
        values = _fields_of(cls, given, "")
        for name in ("chain_id", "block", "asset_decimals"):
            if type(values[name]) is not int or values[name] < 0:
                raise _wrong(name, values[name], "a whole number of at least 0")
        for name in ("asset", "incident_book", "policy_book", "cover_pool"):
            values[name] = _address(name, values[name])
        for name in ("watcher_paths", "heartbeat_paths"):
            values[name] = _addresses(name, values[name])
        if not isinstance(values["triggers"], list):
            raise _wrong("triggers", values["triggers"], "a list")
        values["triggers"] = tuple(_trigger(f"triggers[{i}].", each) for i, each in enumerate(values["triggers"]))
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> "Deployment":
        """Reads a manifest file; raises `InvalidInput` when there is none, or as `from_json` does."""
        if not path.is_file():
            raise InvalidInput(f"deployment manifest {path}: no such file; `insure deploy` writes it")
        try:
            return cls.from_json(path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"deployment manifest {path}: can't be read: {error}") from error

    def trigger_for(self, subject_id: str) -> ListedTrigger:
        """The trigger listed for a subject; raises `InvalidInput` naming those that are."""
        for trigger in self.triggers:
            if trigger.subject_id == subject_id:
                return trigger
        listed = ", ".join(trigger.subject_id for trigger in self.triggers) or "none"
        raise InvalidInput(f"subject {subject_id!r}: no cover is sold on it; listed: {listed}")


def _fields_of(kind: type, given: object, where: str) -> dict[str, Any]:
    """The JSON object as the fields of a dataclass, all of them and no others."""
    if not isinstance(given, dict):
        raise _wrong(where.rstrip("."), given, "an object")
    names = [each.name for each in fields(kind)]
    problems = [f"{where}{name} is missing" for name in names if name not in given]
    problems += [f"{where}{name} is no field of a manifest" for name in given if name not in names]
    if problems:
        raise InvalidInput(f"deployment manifest: {'; '.join(problems)}")
    return dict(given)


def _trigger(where: str, given: object) -> ListedTrigger:
    values = _fields_of(ListedTrigger, given, where)
    return ListedTrigger(**values | {"paths": _addresses(f"{where}paths", values["paths"])})


def _addresses(where: str, given: object) -> dict[str, Address]:
    if not isinstance(given, dict):
        raise _wrong(where, given, "an object of addresses by name")
    return {name: _address(f"{where}.{name}", each) for name, each in given.items()}


def _address(where: str, given: object) -> Address:
    if not is_address(given):
        raise _wrong(where, given, "an address, 0x and 40 hex digits")
    return str(to_checksum_address(str(given)))


def _wrong(where: str, given: object, right: str) -> InvalidInput:
    return InvalidInput(f"deployment manifest: {where + ' ' if where else ''}is {given!r}: must be {right}")
