"""One EVM chain behind JSON-RPC: the same face for a public endpoint, a local node and the embedded chain."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers import BaseProvider
from web3.types import RPCEndpoint

from insure.chain.endpoints import Endpoints
from insure.chain.private import DiscreetEndpoints, PrivateEndpoints
from insure.chain.reasons import explain
from insure.chain.urls import require_url, split_urls
from insure.errors import ChainError, TransactionFailed, Unreachable
from insure.records.onchain import FINALIZED, Address, Bytes32, Confirmations, Head
from insure.records.views import EndpointView

Json = dict[str, Any]
"""An object of JSON-RPC: quantities and bytes are hex text."""

_SELECTOR = re.compile(r"(custom error )?\b0x[0-9a-fA-F]{8}\b")
"""What nodes write of an error that they have no ABI for: nothing that tells a person anything."""


@dataclass(frozen=True)
class RawLog:
    """A log as the chain has it, not decoded yet; `timestamp` is its block's (UTC seconds)."""

    address: Address
    topics: tuple[Bytes32, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int
    timestamp: int


class Chain:
    """One EVM chain; safe to use from several threads."""

    def __init__(self, provider: BaseProvider, chain_id: int) -> None:
        self.chain_id = chain_id
        self._provider = provider

    @classmethod
    def connect(cls, urls: str, chain_id: int | None = None, private: str = "") -> "Chain":
        """The chain that an endpoint serves, or several, separated by commas or white space (`Endpoints`).

        With `private` endpoints transactions are published by those alone (`PrivateEndpoints`).

        Raises `InvalidInput` for a URL that names no such endpoint, `Unreachable` when none answers, `WrongChain` when
        those that do serve another than `chain_id`.
        """
        each = split_urls(urls)
        for url in each:
            require_url(url)
        if not private:
            return cls._of(Endpoints(each, chain_id))
        hidden = split_urls(private)
        for url in hidden:
            require_url(url, "private_rpc_url")
        provider = DiscreetEndpoints(each, chain_id, private=PrivateEndpoints(hidden))
        chain = cls._of(provider)
        provider.begin(chain.chain_id)
        return chain

    @classmethod
    def _of(cls, provider: Endpoints) -> "Chain":
        return cls(provider, Chain(provider, 0)._quantity("eth_chainId"))

    @property
    def endpoints(self) -> Sequence[EndpointView]:
        """How the endpoints fare; none for the embedded chain."""
        return self._provider.health() if isinstance(self._provider, Endpoints) else ()

    @property
    def private_endpoints(self) -> Sequence[EndpointView]:
        """How the endpoints fare that transactions are published by alone; none where they go to all."""
        return self._provider.private.health() if isinstance(self._provider, DiscreetEndpoints) else ()

    def probe_private_endpoints(self) -> None:
        """Asks them whether they are there; raises `Unreachable` or `WrongChain` if none can be used."""
        if isinstance(self._provider, DiscreetEndpoints):
            self._provider.private.probe()

    @property
    def _where(self) -> str:
        return self._provider.name if isinstance(self._provider, Endpoints) else "the embedded chain"

    @cached_property
    def web3(self) -> Web3:
        """The same chain through web3, for what this class does not offer."""
        return Web3(self._provider)

    def request(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC request.

        Raises `Unreachable` when nothing answers (`RateLimited` when that is why), `TransactionFailed` with the
        contract's reason on a revert, `ChainError` with the node's message on any other failure.
        """
        try:
            response = self._provider.make_request(RPCEndpoint(method), list(params))
        except (OSError, ValueError, Web3Exception) as error:
            # the error's text may hold the endpoint's path, and that a key
            raise Unreachable(f"{method}: {self._where} does not answer ({type(error).__name__})") from None
        if not isinstance(response, dict):
            raise Unreachable(f"{method}: {self._where} does not answer as a node does")
        failure = response.get("error")
        if failure is None:
            return response.get("result")
        raise _failure(method, failure)

    def _quantity(self, method: str, *params: Any) -> int:
        answer = self.request(method, *params)
        with reading(method):
            return int(answer, 16)

    def _bytes(self, method: str, *params: Any) -> bytes:
        answer = self.request(method, *params)
        with reading(method):
            return bytes.fromhex(answer.removeprefix("0x"))

    # ------------------------------------------------------------- blocks and logs

    def head(self) -> Head:
        """The last block."""
        return self._head(self.request("eth_getBlockByNumber", "latest", False), "latest")

    def block(self, number: int) -> Head:
        """The block of that number; raises `ChainError` if there is none (yet, or any more)."""
        return self._head(self.request("eth_getBlockByNumber", hex(number), False), str(number))

    def deep(self, head: int, confirmations: Confirmations) -> int:
        """Number of the last block that is deep enough below `head`; negative before there is one.

        Raises `ChainError` where the chain is asked for its final block and has none (yet).
        """
        if confirmations != FINALIZED:
            return head - confirmations
        return min(head, self._head(self.request("eth_getBlockByNumber", FINALIZED, False), FINALIZED).number)

    def _head(self, block: Json | None, which: str) -> Head:
        if block is None:
            raise ChainError(f"chain {self.chain_id} has no block {which}")
        with reading("eth_getBlockByNumber"):
            return Head(int(block["number"], 16), block["hash"], int(block["timestamp"], 16))

    def logs(
        self, addresses: Sequence[Address], from_block: int, to_block: int, topics: Sequence[Bytes32] = ()
    ) -> list[RawLog]:
        """The logs of those contracts in those blocks, both included, in the chain's order.

        Where `topics` are given, only logs whose first topic (the event) is one of them.
        """
        wanted: Json = {"address": list(addresses), "fromBlock": hex(from_block), "toBlock": hex(to_block)}
        if topics:
            wanted["topics"] = [list(topics)]
        found = self.request("eth_getLogs", wanted)
        times: dict[str, int] = {}
        with reading("eth_getLogs"):
            logs = [self._raw_log(each, times) for each in found]
        return sorted(logs, key=lambda log: (log.block_number, log.log_index))

    def _raw_log(self, log: Json, times: dict[str, int]) -> RawLog:
        number, block_hash = int(log["blockNumber"], 16), str(log["blockHash"])
        if log.get("blockTimestamp") is not None:  # not every node gives it
            times[block_hash] = int(log["blockTimestamp"], 16)
        elif block_hash not in times:
            times[block_hash] = self.block(number).timestamp
        return RawLog(
            Web3.to_checksum_address(log["address"]),
            tuple(log["topics"]),
            bytes.fromhex(log["data"].removeprefix("0x")),
            number,
            block_hash,
            log["transactionHash"],
            int(log["logIndex"], 16),
            times[block_hash],
        )

    # ------------------------------------------------------------- accounts and calls

    def balance(self, address: Address) -> int:
        """Wei held by an address now."""
        return self._quantity("eth_getBalance", address, "latest")

    def code(self, address: Address) -> bytes:
        """The code at an address, empty where no contract is."""
        return self._bytes("eth_getCode", address, "latest")

    def nonce(self, address: Address, *, waiting: bool = True) -> int:
        """How many transactions the address has sent, with those that wait or without."""
        return self._quantity("eth_getTransactionCount", address, "pending" if waiting else "latest")

    def nonce_at(self, address: Address, block: int) -> int:
        """How many transactions of the address were mined up to a block."""
        return self._quantity("eth_getTransactionCount", address, hex(block))

    def call(self, to: Address, data: bytes, block: int | None = None, sender: Address | None = None) -> bytes:
        """What a contract answers on the state of the last block, or of `block`.

        Raises `TransactionFailed` with the contract's reason if it reverts.
        """
        message = {"to": to, "data": "0x" + data.hex()}
        if sender is not None:
            message["from"] = sender
        return self._bytes("eth_call", message, "latest" if block is None else hex(block))

    def estimate_gas(self, sender: Address, to: Address | None, data: bytes, wei: int = 0) -> int:
        """Gas that executing this now, sending so much of the chain's own coin, needs.

        Raises `TransactionFailed` with the contract's reason if it would revert.
        """
        message = {"from": sender, "data": "0x" + data.hex()}
        if to is not None:
            message["to"] = to
        if wei:
            message["value"] = hex(wei)
        return self._quantity("eth_estimateGas", message)


@contextmanager
def reading(method: str) -> Iterator[None]:
    """While a node's answer is taken apart: one of another shape than nodes give is a `ChainError`."""
    try:
        yield
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise ChainError(f"{method}: the answer can't be read ({type(error).__name__}: {error})") from error


def _failure(method: str, error: Any) -> ChainError:
    """A node's error as one of ours: a revert with its reason, or the node's own message."""
    message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    data = _revert_data(error.get("data")) if isinstance(error, dict) else None
    if data:
        return TransactionFailed(explain(data))
    if "revert" in message.lower():
        return TransactionFailed(_SELECTOR.sub("an error without its values", message))
    return ChainError(f"{method}: {message}")


def _revert_data(data: Any) -> str | None:
    """The revert data, where nodes put it: as text, behind a word, or in an inner object."""
    if isinstance(data, dict):
        return _revert_data(data.get("data"))
    if isinstance(data, str) and "0x" in data:
        return data[data.index("0x") :]
    return None
