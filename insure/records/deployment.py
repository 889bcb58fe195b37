"""Where the contracts of one installation are: the manifest that `insure deploy` writes and everything else reads."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from insure.errors import InvalidInput
from insure.records.onchain import ZERO_ADDRESS, Address, Bytes32, Listing

SCHEMA_VERSION = 2
"""Of the manifest's fields; version 1 had neither this number nor anything that a deployment can be checked by."""

UNKNOWN = "unknown"
_WORD_DIGITS = 64


@dataclass(frozen=True)
class ListedTrigger:
    """A trigger that is sold: its id, its subject's id, the addresses of its paths by name, and its bounds of sale."""

    trigger_id: Bytes32
    subject_id: str
    paths: dict[str, Address]
    listing: Listing | None = None


@dataclass(frozen=True)
class DeployedContract:
    """One contract and what it was made from.

    `arguments` are its constructor's by name, `code_hash` is of the code on the chain, `creation_hash` of the creation
    code with the arguments, `salt` what its address hangs on besides its creator; `libraries` are those that it links.
    """

    artifact: str
    address: Address
    arguments: dict[str, Any]
    code_hash: Bytes32
    creation_hash: Bytes32
    salt: Bytes32
    libraries: dict[str, Address] = field(default_factory=dict)


@dataclass(frozen=True)
class DeployedLibrary:
    """One library, whose address hangs on its code alone."""

    address: Address
    code_hash: Bytes32


@dataclass(frozen=True)
class Deployment:
    """One installation on its host chain; `block` is where reading its logs begins."""

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
    """Subject ids by the name of the scenario that can stop them together, in the order of the chain's numbers."""
    underwriters: dict[Address, int] = field(default_factory=dict)
    """Most aggregate limits in force that each may sell, smallest units."""
    contracts: dict[str, DeployedContract] = field(default_factory=dict)
    """All that was created for this installation, by its name in the plan."""
    libraries: dict[str, DeployedLibrary] = field(default_factory=dict)
    deployer: Address = ZERO_ADDRESS
    """The factory that created the contracts."""
    creator: Address = ZERO_ADDRESS
    """The key that had them created."""
    timelock: Address | None = None
    """Owner of policy book and pool; None if the creator still is."""
    salt: str = ""
    commit: str = UNKNOWN
    """Commit of the sources, or unknown."""
    schema_version: int = SCHEMA_VERSION

    @property
    def installation(self) -> str:
        """What tells it from any other."""
        return f"policy book {self.policy_book} on chain {self.chain_id}"

    def to_json(self) -> str:
        """The manifest's text: amounts as strings of smallest units, scenarios in the order of their numbers."""
        values = asdict(self)
        values["underwriters"] = {account: str(cap) for account, cap in self.underwriters.items()}
        for trigger in values["triggers"]:
            if trigger["listing"] is not None:
                trigger["listing"]["cap"] = str(trigger["listing"]["cap"])
        return json.dumps(values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Deployment":
        """Reads a manifest; raises `InvalidInput` naming what is missing, unknown or wrong."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"deployment manifest: not JSON: {error}") from error
        return cls(**_Reader().deployment(given))

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


class _Reader:
    """JSON to the manifest's values; every complaint names the field and what would be right."""

    def deployment(self, given: object) -> dict[str, Any]:
        values = self._fields(Deployment, given, "")
        for name in ("chain_id", "block", "asset_decimals"):
            values[name] = self._number(name, values[name])
        for name in ("asset", "incident_book", "policy_book", "cover_pool", "deployer", "creator"):
            values[name] = self._address(name, values[name])
        for name in ("asset_symbol", "salt", "commit"):
            values[name] = self._text(name, values[name])
        for name in ("watcher_paths", "heartbeat_paths"):
            values[name] = self._addresses(name, values[name])
        if values["timelock"] is not None:
            values["timelock"] = self._address("timelock", values["timelock"])
        values["triggers"] = tuple(
            self._trigger(f"triggers[{i}].", each) for i, each in enumerate(self._list("triggers", values["triggers"]))
        )
        values["scenarios"] = {
            name: [self._text(f"scenarios.{name}", each) for each in self._list(f"scenarios.{name}", members)]
            for name, members in self._object("scenarios", values["scenarios"]).items()
        }
        values["underwriters"] = {
            self._address("underwriters", account): self._amount(f"underwriters.{account}", cap)
            for account, cap in self._object("underwriters", values["underwriters"]).items()
        }
        values["contracts"] = {
            name: self._contract(f"contracts.{name}.", each)
            for name, each in self._object("contracts", values["contracts"]).items()
        }
        values["libraries"] = {
            name: self._library(f"libraries.{name}.", each)
            for name, each in self._object("libraries", values["libraries"]).items()
        }
        return values

    def _trigger(self, where: str, given: object) -> ListedTrigger:
        values = self._fields(ListedTrigger, given, where)
        trigger_id = self._word(f"{where}trigger_id", values["trigger_id"])
        subject_id = self._text(f"{where}subject_id", values["subject_id"])
        paths = self._addresses(f"{where}paths", values["paths"])
        listing = values["listing"]
        return ListedTrigger(
            trigger_id, subject_id, paths, None if listing is None else self._listing(f"{where}listing.", listing)
        )

    def _listing(self, where: str, given: object) -> Listing:
        values = self._fields(Listing, given, where)
        is_open, cap = values.pop("open"), self._amount(f"{where}cap", values.pop("cap"))
        if type(is_open) is not bool:
            raise _wrong(f"{where}open", is_open, "true or false")
        return Listing(
            **{name: self._number(f"{where}{name}", each) for name, each in values.items()}, cap=cap, open=is_open
        )

    def _contract(self, where: str, given: object) -> DeployedContract:
        values = self._fields(DeployedContract, given, where)
        return DeployedContract(
            artifact=self._text(f"{where}artifact", values["artifact"]),
            address=self._address(f"{where}address", values["address"]),
            arguments=self._object(f"{where}arguments", values["arguments"]),
            code_hash=self._word(f"{where}code_hash", values["code_hash"]),
            creation_hash=self._word(f"{where}creation_hash", values["creation_hash"]),
            salt=self._word(f"{where}salt", values["salt"]),
            libraries=self._addresses(f"{where}libraries", values["libraries"]),
        )

    def _library(self, where: str, given: object) -> DeployedLibrary:
        values = self._fields(DeployedLibrary, given, where)
        return DeployedLibrary(
            self._address(f"{where}address", values["address"]), self._word(f"{where}code_hash", values["code_hash"])
        )

    def _fields(self, kind: type, given: object, where: str) -> dict[str, Any]:
        """The JSON object as the fields of a dataclass, all of them and no others."""
        values = self._object(where.rstrip("."), given)
        names = [each.name for each in fields(kind)]
        version = values.get("schema_version")
        if kind is Deployment and version != SCHEMA_VERSION:
            raise InvalidInput(_of_another_version(version, [name for name in names if name not in values]))
        problems = [f"{where}{name} is missing" for name in names if name not in values]
        problems += [f"{where}{name} is no field of a manifest" for name in values if name not in names]
        if problems:
            raise InvalidInput(f"deployment manifest: {'; '.join(problems)}")
        return dict(values)

    def _object(self, where: str, given: object) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise _wrong(where, given, "an object")
        return given

    def _list(self, where: str, given: object) -> list[Any]:
        if not isinstance(given, list):
            raise _wrong(where, given, "a list")
        return given

    def _text(self, where: str, given: object) -> str:
        if not isinstance(given, str):
            raise _wrong(where, given, "a text")
        return given

    def _number(self, where: str, given: object) -> int:
        if type(given) is not int or given < 0:
            raise _wrong(where, given, "a whole number of at least 0")
        return given

    def _amount(self, where: str, given: object) -> int:
        if not (isinstance(given, str) and given.isascii() and given.isdecimal()):
            raise _wrong(where, given, "smallest units as a text of digits")
        return int(given)

    def _word(self, where: str, given: object) -> Bytes32:
        digits = given[2:].lower() if isinstance(given, str) and given.startswith("0x") else ""
        if len(digits) != _WORD_DIGITS or set(digits) - set("0123456789abcdef"):
            raise _wrong(where, given, f"0x and {_WORD_DIGITS} hex digits")
        return "0x" + digits

    def _addresses(self, where: str, given: object) -> dict[str, Address]:
        if not isinstance(given, dict):
            raise _wrong(where, given, "an object of addresses by name")
        return {name: self._address(f"{where}.{name}", each) for name, each in given.items()}

    def _address(self, where: str, given: object) -> Address:
        if not is_address(given):
            raise _wrong(where, given, "an address, 0x and 40 hex digits")
        return str(to_checksum_address(str(given)))


def _of_another_version(version: object, missing: list[str]) -> str:
    told = "schema_version is missing" if version is None else f"schema_version is {version!r}"
    lacking = f"; it lacks {', '.join(missing)}" if missing else ""
    remedy = "`insure deploy` writes it" if version is None else "read it with the version of insure that wrote it"
    return f"deployment manifest: {told}, must be {SCHEMA_VERSION}{lacking}: {remedy}"


def _wrong(where: str, given: object, right: str) -> InvalidInput:
    return InvalidInput(f"deployment manifest: {where + ' ' if where else ''}is {given!r}: must be {right}")
