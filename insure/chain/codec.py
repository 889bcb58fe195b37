"""Functions and events of our contracts, between Python values and the chain's bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from insure.chain.artifacts import artifact
from insure.chain.rpc import RawLog
from insure.errors import ChainError, InvalidInput
from insure.records.deployment import Deployment
from insure.records.onchain import Address, Bytes32, Log


@dataclass(frozen=True)
class _Function:
    selector: bytes
    entries: tuple[dict[str, Any], ...]
    returned: tuple[dict[str, Any], ...]
    view: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        return _types(self.returned)


@dataclass(frozen=True)
class _Event:
    name: str
    indexed: tuple[dict[str, Any], ...]
    plain: tuple[dict[str, Any], ...]
    plain_types: tuple[str, ...]


class Abi:
    """The functions and events of one contract; of overloaded functions only the first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._functions: dict[str, _Function] = {}
        self._events: dict[str, _Event] = {}
        self._constructor: tuple[dict[str, Any], ...] = ()
        for entry in artifact(name).abi:
            if entry["type"] == "function":
                self._functions.setdefault(entry["name"], _function(entry))
            elif entry["type"] == "event":
                self._events["0x" + keccak(text=_signature(entry)).hex()] = _event(entry)
            elif entry["type"] == "constructor":
                self._constructor = tuple(entry["inputs"])

    def encode(self, function: str, *args: Any) -> bytes:
        """The call data of a function, bytes given as hex text; raises `InvalidInput` for what its types can't hold."""
        known = self._functions[function]
        return known.selector + self._encode(function, known.entries, args)

    def decode(self, function: str, answer: bytes) -> tuple[Any, ...]:
        """What a function returned; raises `ChainError` when the answer can't be that (no such contract there)."""
        try:
            return decode(self._functions[function].outputs, answer)
        except DecodingError as error:
            raise ChainError(f"{self.name}.{function} answered {len(answer)} bytes that can't be read") from error

    def creation(self, *args: Any, libraries: Mapping[str, Address] | None = None) -> bytes:
        """The code that creates the contract with these constructor arguments, linked with these libraries.

        Raises `InvalidInput` for what the arguments' types can't hold, or naming a library whose address is missing.
        """
        return artifact(self.name).creation_code(libraries or {}) + self._encode("constructor", self._constructor, args)

    def arguments(self, *args: Any) -> dict[str, Any]:
        """The constructor's arguments by name, as JSON can hold and a person can read them; raises as `creation`."""
        encoded = self._encode("constructor", self._constructor, args)
        values = decode(_types(self._constructor), encoded)
        return {entry["name"]: _from_chain(entry, each) for entry, each in zip(self._constructor, values, strict=True)}

    @property
    def views(self) -> frozenset[str]:
        """Names of the functions that take nothing, change nothing and answer one value."""
        known = self._functions.items()
        return frozenset(name for name, each in known if each.view and not each.entries and len(each.returned) == 1)

    def value(self, function: str, answer: bytes) -> Any:
        """The one value that a function returned, readable as `arguments` are; raises as `decode` does."""
        (value,) = self.decode(function, answer)
        return _from_chain(self._functions[function].returned[0], value)

    def _encode(self, what: str, entries: tuple[dict[str, Any], ...], args: tuple[Any, ...]) -> bytes:
        try:
            values = [_to_chain(entry, value) for entry, value in zip(entries, args, strict=True)]
            return encode(_types(entries), values)
        except (EncodingError, ValueError) as error:
            raise InvalidInput(f"{self.name}.{what}: {error}") from error

    def topic(self, event: str) -> Bytes32:
        """The first topic of an event's logs."""
        return next(topic for topic, each in self._events.items() if each.name == event)

    def event(self, log: RawLog) -> tuple[str, dict[str, object]]:
        """Name and arguments of a log; raises `ChainError` if it is none of this contract's events."""
        known = self._events.get(log.topics[0]) if log.topics else None
        if known is None or len(known.indexed) != len(log.topics) - 1:
            raise ChainError(f"{self.name} at {log.address} emitted an event that is not known, in {log.tx_hash}")
        args: dict[str, object] = {}
        for entry, topic in zip(known.indexed, log.topics[1:], strict=True):
            args[entry["name"]] = _from_chain(entry, decode([entry["type"]], bytes.fromhex(topic[2:]))[0])
        for entry, value in zip(known.plain, decode(known.plain_types, log.data), strict=True):
            args[entry["name"]] = _from_chain(entry, value)
        return known.name, args


@cache
def abi(name: str) -> Abi:
    """The ABI of one of our contracts, read once."""
    return Abi(name)


class Decoder:
    """Makes logs of one installation readable: address -> contract -> event."""

    def __init__(self, deployment: Deployment) -> None:
        self._chain_id = deployment.chain_id
        named = [
            (deployment.incident_book, "IncidentBook"),
            (deployment.policy_book, "PolicyBook"),
            (deployment.cover_pool, "CoverPool"),
            *((address, "WatcherPath") for address in deployment.watcher_paths.values()),
            *((address, "HeartbeatPath") for address in deployment.heartbeat_paths.values()),
        ]
        self._contracts = {address.lower(): contract for address, contract in named}
        self.addresses: tuple[Address, ...] = tuple(dict.fromkeys(address for address, _ in named))
        """The contracts whose logs it can read."""

    def decode(self, log: RawLog) -> Log:
        """The log with its event's name and arguments as the ABI names them: words and bytes as hex, structs as dicts.

        Raises `ChainError` for a contract or an event that is not ours.
        """
        contract = self._contracts.get(log.address.lower())
        if contract is None:
            raise ChainError(f"{log.address} is no contract of this deployment")
        event, args = abi(contract).event(log)
        return Log(
            chain_id=self._chain_id,
            address=log.address,
            contract=contract,
            event=event,
            args=args,
            block_number=log.block_number,
            block_hash=log.block_hash,
            tx_hash=log.tx_hash,
            log_index=log.log_index,
            timestamp=log.timestamp,
        )


def word(value: bytes) -> Bytes32:
    """Bytes as 0x and lower-case hex."""
    return "0x" + value.hex()


def _types(entries: Any) -> tuple[str, ...]:
    return tuple(collapse_if_tuple(entry) for entry in entries)


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def _function(entry: dict[str, Any]) -> _Function:
    view = entry["stateMutability"] in ("view", "pure")
    return _Function(keccak(text=_signature(entry))[:4], tuple(entry["inputs"]), tuple(entry["outputs"]), view)


def _event(entry: dict[str, Any]) -> _Event:
    indexed = tuple(each for each in entry["inputs"] if each["indexed"])
    plain = tuple(each for each in entry["inputs"] if not each["indexed"])
    return _Event(entry["name"], indexed, plain, _types(plain))


def _to_chain(entry: dict[str, Any], value: Any) -> Any:
    """A value as the codec takes it: bytes instead of their hex text, all through arrays and structs."""
    kind: str = entry["type"]
    if kind.endswith("]"):
        inner = entry | {"type": kind[: kind.rindex("[")]}
        return [_to_chain(inner, each) for each in value]
    if kind == "tuple":
        return tuple(_to_chain(part, each) for part, each in zip(entry["components"], value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _from_chain(entry: dict[str, Any], value: Any) -> Any:
    kind: str = entry["type"]
    if kind.endswith("]"):
        inner = entry | {"type": kind[: kind.rindex("[")]}
        return [_from_chain(inner, each) for each in value]
    if kind == "tuple":
        parts = zip(entry["components"], value, strict=True)
        return {part["name"]: _from_chain(part, each) for part, each in parts}
    if kind == "address":
        return to_checksum_address(value)
    return word(value) if isinstance(value, bytes) else value
