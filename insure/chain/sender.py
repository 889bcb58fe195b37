"""Sends transactions for one key: simulate, send, replace when stuck, wait for the receipt."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3 import Web3

from insure.chain.rpc import Chain, Json, reading
from insure.errors import ChainError, FeeTooHigh, TransactionFailed, Unreachable
from insure.records.onchain import Address, Receipt

_log = logging.getLogger(__name__)

_GAS_PERCENT = 125
_REPLACEMENT_PERCENT = 125
_HIGHEST_TIMES = 10
"""How many times the fees that a chain asks now are offered at most, however long nothing is mined."""
_POLL_SECONDS = 0.5
_CATCH_UP_POLLS = 3


@dataclass(frozen=True)
class Call:
    """A write to a contract, ready to be signed: `data` is the encoded function with its arguments.

    `value` is what of the chain's own coin goes with it, in its smallest unit.
    """

    contract: str
    address: Address
    function: str
    args: tuple[Any, ...]
    data: bytes
    value: int = 0

    def __str__(self) -> str:
        return f"{self.contract}.{self.function}"


@dataclass(frozen=True)
class _Fees:
    """What a unit of gas may cost, wei; `tip` is None on a chain without EIP-1559."""

    most: int
    tip: int | None

    def raised(self) -> "_Fees":
        tip = None if self.tip is None else self.tip * _REPLACEMENT_PERCENT // 100 + 1
        return _Fees(self.most * _REPLACEMENT_PERCENT // 100 + 1, tip)

    def times(self, factor: int) -> "_Fees":
        return _Fees(self.most * factor, None if self.tip is None else self.tip * factor)

    def each(self, choose: Callable[[int, int], int], other: "_Fees") -> "_Fees":
        tip = self.tip if self.tip is None or other.tip is None else choose(self.tip, other.tip)
        return _Fees(choose(self.most, other.most), tip)

    def fields(self) -> Json:
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


@dataclass
class Sender:
    """The only user of one key on one chain; one transaction at a time.

    A transaction that is not mined within `patience_seconds` is sent again with higher fees, `replacements` times. What
    is sent after it was given up takes its place for a higher fee still, rather than queue behind it.

    `fee_cap` is the most that is offered for a unit of gas, wei. `guard` is called before anything is signed and while
    it is waited for, and raises when this process may not send with the key (`KeyLease`).
    """

    chain: Chain
    account: LocalAccount
    patience_seconds: float = 90.0
    replacements: int = 3
    fee_cap: int | None = None
    guard: Callable[[], None] = field(default=lambda: None, repr=False)
    _mined: int = field(default=0, repr=False)
    _offered: tuple[int, _Fees] | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def address(self) -> Address:
        """The key's address."""
        return self.account.address

    def simulate(self, call: Call) -> None:
        """Executes the call without sending it.

        Raises `TransactionFailed` with the contract's reason if it would revert.
        """
        self._estimate(str(call), call.address, call.data, call.value)

    def send(self, call: Call) -> Receipt:
        """Simulates and sends the call and waits until it is mined.

        Raises `TransactionFailed` with the contract's reason (nothing was sent if the simulation already failed),
        `Unreachable` when the endpoint does not answer or the transaction is not mined in time.
        """
        receipt = self._transact(str(call), call.address, call.data, call.value)
        return self._record(receipt)

    def create(self, name: str, code: bytes) -> tuple[Address, Receipt]:
        """Creates a contract from its code with encoded arguments; returns its address. Raises as `send` does."""
        receipt = self._transact(f"creation of {name}", None, code)
        return Web3.to_checksum_address(receipt["contractAddress"]), self._record(receipt)

    def transfer(self, to: Address, wei: int) -> Receipt:
        """Sends the chain's own coin. Raises as `send` does."""
        return self._record(self._transact(f"transfer to {to}", to, b"", wei))

    def relay(self, what: str, raw: bytes) -> Receipt:
        """Publishes a transaction that somebody else signed and waits until it is mined.

        Raises `ChainError` when the node does not take it, `TransactionFailed` when it reverts, `Unreachable` when it
        is not mined in time.
        """
        refusal = self._push(raw)
        if refusal is not None:
            raise ChainError(f"{what} is not taken: {refusal}") from refusal
        receipt = self._wait(["0x" + keccak(raw).hex()])
        if receipt is None:
            raise Unreachable(f"{what} was sent but not mined in time")
        if int(receipt["status"], 16) != 1:
            raise TransactionFailed(f"{what} reverted when mined")
        return self._record(receipt)

    def _record(self, receipt: Json) -> Receipt:
        number = int(receipt["blockNumber"], 16)
        moment = self.chain.block(number).timestamp
        return Receipt(receipt["transactionHash"], number, int(receipt["gasUsed"], 16), moment)

    def _estimate(self, what: str, to: Address | None, data: bytes, wei: int) -> int:
        try:
            return self.chain.estimate_gas(self.address, to, data, wei)
        except TransactionFailed as error:
            raise TransactionFailed(f"{what} was refused: {error}") from error

    def _transact(self, what: str, to: Address | None, data: bytes, wei: int = 0) -> Json:
        with self._lock:
            self.guard()
            head = self.chain.request("eth_getBlockByNumber", "latest", False)
            with reading("eth_getBlockByNumber"):
                fees, gas_limit = self._fees(what, head), int(head["gasLimit"], 16)
            gas = self._estimate(what, to, data, wei) * _GAS_PERCENT // 100
            nonce = self._next_nonce()
            transaction: Json = {
                "chainId": self.chain.chain_id,
                "nonce": nonce,
                "gas": min(gas, gas_limit),
                "value": wei,
                "data": data,
            }
            if to is not None:
                transaction["to"] = to
            receipt = self._deliver(what, transaction, fees)
            self._mined = nonce + 1
        if int(receipt["status"], 16) != 1:
            raise TransactionFailed(f"{what} reverted when mined: {self._why(to, data, receipt, transaction)}")
        return receipt

    def _next_nonce(self) -> int:
        """The chain's count of what is mined; where that lags behind what we know of, it gets a moment to catch up."""
        for _ in range(_CATCH_UP_POLLS):
            nonce = self.chain.nonce(self.address, waiting=False)
            if nonce >= self._mined:
                return nonce
            sleep(_POLL_SECONDS)
        return nonce  # mined blocks were rolled back: the chain is right

    def _fees(self, what: str, head: Json) -> _Fees:
        """What is offered at first: twice the last base fee and the tip that the node suggests, within the cap."""
        if head.get("baseFeePerGas") is None:
            least = int(self.chain.request("eth_gasPrice"), 16)
            fees = _Fees(least, None)
        else:
            tip, base = int(self.chain.request("eth_maxPriorityFeePerGas"), 16), int(head["baseFeePerGas"], 16)
            least, fees = base + tip, _Fees(2 * base + tip, tip)
        if self.fee_cap is not None and least > self.fee_cap:
            raise FeeTooHigh(f"{what} waits: gas costs {_gwei(least)} gwei, the cap is {_gwei(self.fee_cap)} gwei")
        return self._within_cap(fees)

    def _within_cap(self, fees: _Fees) -> _Fees:
        return fees if self.fee_cap is None else fees.each(min, _Fees(self.fee_cap, self.fee_cap))

    def _deliver(self, what: str, transaction: Json, asked: _Fees) -> Json:
        """Sends until one of the attempts, all with the same nonce, is mined."""
        hashes: list[str] = []
        nonce, highest, fees = transaction["nonce"], self._within_cap(asked.times(_HIGHEST_TIMES)), asked
        if self._offered is not None and self._offered[0] == nonce:
            fees = asked.each(max, self._offered[1].raised()).each(min, highest)
        for attempt in range(self.replacements + 1):
            offered = self._offer(what, transaction, fees, highest, hashes)
            receipt = self._wait(hashes)
            if receipt is not None:
                return receipt
            if offered is None:
                raise ChainError(f"{what} was not mined: its nonce {nonce} was used by another transaction")
            _log.warning("%s: attempt %d is not mined yet, hash %s", what, attempt + 1, hashes[-1])
            fees = offered.raised().each(min, highest)
        raise Unreachable(f"{what} was sent but not mined in time; hashes: {', '.join(hashes)}")

    def _offer(self, what: str, transaction: Json, fees: _Fees, highest: _Fees, hashes: list[str]) -> _Fees | None:
        """Offers it until it outbids what waits with its nonce; returns the fees, or None when the nonce is used."""
        while True:
            signed = self.account.sign_transaction(transaction | fees.fields())
            refusal = self._push(bytes(signed.raw_transaction))
            told = str(refusal).lower()
            # known already: a retried request got through twice
            if refusal is None or "already known" in told or "already imported" in told:
                hashes.append("0x" + bytes(signed.hash).hex())
                self._offered = (transaction["nonce"], fees)
                return fees
            if "underpriced" in told or "replace" in told:
                if fees != highest:
                    fees = fees.raised().each(min, highest)
                elif hashes:
                    return fees
                else:
                    earlier = f"an earlier transaction with nonce {transaction['nonce']} is not mined in time"
                    raise Unreachable(f"{what}: {earlier}, and can't be outbid: {refusal}")
            elif hashes and "nonce" in told:  # one of the attempts was mined meanwhile, or another transaction
                return None
            else:
                raise refusal

    def _push(self, raw: bytes) -> ChainError | None:
        """Sends a signed transaction; returns why the node does not take it."""
        try:
            self.chain.request("eth_sendRawTransaction", "0x" + raw.hex())
        except Unreachable:
            raise
        except ChainError as refusal:
            return refusal
        return None

    def _wait(self, hashes: list[str]) -> Json | None:
        deadline = monotonic() + self.patience_seconds
        while True:
            for tx_hash in hashes:
                receipt: Json | None = self.chain.request("eth_getTransactionReceipt", tx_hash)
                if receipt is not None and receipt.get("blockNumber") is not None:
                    return receipt
            if monotonic() >= deadline:
                return None
            self.guard()
            sleep(min(_POLL_SECONDS, self.patience_seconds))

    def _why(self, to: Address | None, data: bytes, receipt: Json, transaction: Json) -> str:
        """The reason of a transaction that failed although its simulation succeeded."""
        if int(receipt["gasUsed"], 16) >= transaction["gas"]:
            return f"it ran out of its {transaction['gas']} gas"
        if to is not None:
            try:
                self.chain.call(to, data, int(receipt["blockNumber"], 16), self.address)
            except TransactionFailed as error:
                return str(error)
        return "the state changed between simulation and block"


def _gwei(wei: int) -> str:
    return f"{wei / 1e9:.9g}"
