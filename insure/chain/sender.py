"""Sends transactions for one key: simulate, send, replace when stuck, wait for the receipt."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3 import Web3

from insure.chain.fees import Fees, asked_fees
from insure.chain.outbox import Journal, read_receipt
from insure.chain.rpc import Chain, Json, reading
from insure.errors import ChainError, InvalidInput, TransactionFailed, Unreachable
from insure.records.mirror import Fate, SentTransaction
from insure.records.onchain import Address, Receipt

_log = logging.getLogger(__name__)

_GAS_PERCENT = 125
_HIGHEST_TIMES = 10
"""How many times the fees that a chain asks now are offered at most, however long nothing is mined."""
_FIRST_POLL_SECONDS, _POLL_SECONDS = 0.02, 0.5
_CATCH_UP_POLLS = 3
MOST_IN_TURN = 16
"""As many of one account as nodes keep ready to be mined (geth's `accountslots`)."""


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


@dataclass
class _Attempt:
    """A transaction that is on its way: all that was offered has the same nonce, so one of them at most is mined."""

    what: str
    kind: str
    transaction: Json
    fees: Fees
    highest: Fees
    signed_at: int
    hashes: list[str] = field(default_factory=list)
    used: bool = False
    """Whether the node says that the nonce is used."""


@dataclass
class Sender:
    """The only user of one key on one chain; one transaction at a time.

    A transaction that is not mined within `patience_seconds` is sent again with higher fees, `replacements` times. What
    is sent after it was given up takes its place for a higher fee still, rather than queue behind it.

    `fee_cap` is the most that is offered for a unit of gas, wei. `guard` is called before anything is signed and while
    it is waited for, and raises when this process may not send with the key (`KeyLease`). `journal` notes each
    transaction before it is published.
    """

    chain: Chain
    account: LocalAccount
    patience_seconds: float = 90.0
    replacements: int = 3
    fee_cap: int | None = None
    guard: Callable[[], None] = field(default=lambda: None, repr=False)
    journal: Journal | None = field(default=None, repr=False)
    _mined: int = field(default=0, repr=False)
    _offered: dict[int, Fees] = field(default_factory=dict, repr=False)
    """The most that was offered for each nonce that may not be mined yet."""
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
        return self._transact(str(call), call.function, call.address, call.data, call.value)[0]

    def send_in_turn(self, calls: Sequence[tuple[Call, int]]) -> list[Receipt]:
        """Sends all before any is mined, in this order and not simulated, each with the gas that it may use at most.

        For calls that become possible by those before them, or with the next block. Returns when all are mined: what
        fails has a receipt that says so. Raises `Unreachable` when one is not mined in time; `MOST_IN_TURN` at most.
        """
        if len(calls) > MOST_IN_TURN:
            raise InvalidInput(f"calls in turn: {len(calls)}, must be {MOST_IN_TURN} at most")
        with self._lock:
            attempts: list[_Attempt] = []
            for call, gas in calls:
                attempts.append(
                    self._begin(str(call), call.function, call.address, call.data, call.value, gas, attempts)
                )
            return [read_receipt(self.chain, self._finish(attempt)) for attempt in attempts]

    def create(self, name: str, code: bytes) -> tuple[Address, Receipt]:
        """Creates a contract from its code with encoded arguments; returns its address. Raises as `send` does."""
        receipt, found = self._transact(f"creation of {name}", "create", None, code)
        return Web3.to_checksum_address(found["contractAddress"]), receipt

    def transfer(self, to: Address, wei: int) -> Receipt:
        """Sends the chain's own coin. Raises as `send` does."""
        return self._transact(f"transfer to {to}", "transfer", to, b"", wei)[0]

    def relay(self, what: str, raw: bytes) -> Receipt:
        """Publishes a transaction that somebody else signed and waits until it is mined.

        Raises `ChainError` when the node does not take it, `TransactionFailed` when it reverts, `Unreachable` when it
        is not mined in time.
        """
        refusal = self._push(raw)
        if refusal is not None:
            raise ChainError(f"{what} is not taken: {refusal}") from refusal
        found = self._wait(["0x" + keccak(raw).hex()])
        if found is None:
            raise Unreachable(f"{what} was sent but not mined in time")
        receipt = read_receipt(self.chain, found)
        if not receipt.succeeded:
            raise TransactionFailed(f"{what} reverted when mined")
        return receipt

    def _estimate(self, what: str, to: Address | None, data: bytes, wei: int) -> int:
        try:
            return self.chain.estimate_gas(self.address, to, data, wei)
        except TransactionFailed as error:
            raise TransactionFailed(f"{what} was refused: {error}") from error

    def _transact(self, what: str, kind: str, to: Address | None, data: bytes, wei: int = 0) -> tuple[Receipt, Json]:
        with self._lock:
            attempt = self._begin(what, kind, to, data, wei)
            found = self._finish(attempt)
        receipt = read_receipt(self.chain, found)
        if not receipt.succeeded:
            raise TransactionFailed(f"{what} reverted when mined: {self._why(to, data, receipt, attempt.transaction)}")
        return receipt, found

    def _begin(
        self,
        what: str,
        kind: str,
        to: Address | None,
        data: bytes,
        wei: int,
        gas: int | None = None,
        before: Sequence[_Attempt] = (),
    ) -> _Attempt:
        """Signs and offers it, with the nonce after those that are on their way; its gas is estimated if not given."""
        self.guard()
        head = self.chain.request("eth_getBlockByNumber", "latest", False)
        with reading("eth_getBlockByNumber"):
            base = head.get("baseFeePerGas")
            base_fee, gas_limit = None if base is None else int(base, 16), int(head["gasLimit"], 16)
            now = int(head["timestamp"], 16)
        asked = asked_fees(what, self.chain, base_fee, self.fee_cap)
        if gas is None:
            gas = self._estimate(what, to, data, wei) * _GAS_PERCENT // 100
        nonce = before[-1].transaction["nonce"] + 1 if before else self._next_nonce()
        transaction: Json = {
            "chainId": self.chain.chain_id,
            "nonce": nonce,
            "gas": min(gas, gas_limit),
            "value": wei,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        highest = asked.times(_HIGHEST_TIMES).within(self.fee_cap)
        fees = asked
        if nonce in self._offered:
            fees = asked.each(max, self._offered[nonce].raised()).each(min, highest)
        attempt = _Attempt(what, kind, transaction, fees, highest, now)
        self._offer(attempt)
        return attempt

    def _next_nonce(self) -> int:
        """The chain's count of what is mined; where that lags behind what we know of, it gets a moment to catch up."""
        for _ in range(_CATCH_UP_POLLS):
            nonce = self.chain.nonce(self.address, waiting=False)
            if nonce >= self._mined:
                return nonce
            sleep(_POLL_SECONDS)
        return nonce  # mined blocks were rolled back: the chain is right

    def _finish(self, attempt: _Attempt) -> Json:
        """Waits, and offers more, until one of the attempts is mined; returns the node's receipt."""
        what, nonce = attempt.what, attempt.transaction["nonce"]
        for round_ in range(self.replacements + 1):
            if round_:
                attempt.fees = attempt.fees.raised().each(min, attempt.highest)
                self._offer(attempt)
            found = self._wait(attempt.hashes)
            if found is not None:
                self._mined = nonce + 1
                self._offered = {each: fees for each, fees in self._offered.items() if each > nonce}
                if self.journal is not None:
                    mined = read_receipt(self.chain, found)
                    self.journal.record_fate(mined.tx_hash, Fate.MINED, mined)
                return found
            if attempt.used:
                raise ChainError(f"{what} was not mined: its nonce {nonce} was used by another transaction")
            _log.warning("%s: attempt %d is not mined yet, hash %s", what, round_ + 1, attempt.hashes[-1])
        raise Unreachable(f"{what} was sent but not mined in time; hashes: {', '.join(attempt.hashes)}")

    def _offer(self, attempt: _Attempt) -> None:
        """Offers it until it outbids what waits with its nonce, or the nonce is used, or it can't outbid."""
        nonce = attempt.transaction["nonce"]
        while True:
            signed = self.account.sign_transaction(attempt.transaction | attempt.fees.fields())
            tx_hash = "0x" + bytes(signed.hash).hex()
            self._note(attempt, tx_hash)
            refusal = self._push(bytes(signed.raw_transaction))
            told = str(refusal).lower()
            # known already: a retried request got through twice
            if refusal is None or "already known" in told or "already imported" in told:
                if tx_hash not in attempt.hashes:
                    attempt.hashes.append(tx_hash)
                self._offered[nonce] = attempt.fees
                return
            if self.journal is not None:
                self.journal.record_refused(tx_hash)
            if "underpriced" in told or "replace" in told:
                if attempt.fees != attempt.highest:
                    attempt.fees = attempt.fees.raised().each(min, attempt.highest)
                elif attempt.hashes:
                    return
                else:
                    earlier = f"an earlier transaction with nonce {nonce} is not mined in time"
                    raise Unreachable(f"{attempt.what}: {earlier}, and can't be outbid: {refusal}")
            elif attempt.hashes and "nonce" in told:  # one of the attempts was mined meanwhile, or another transaction
                attempt.used = True
                return
            else:
                raise refusal

    def _note(self, attempt: _Attempt, tx_hash: str) -> None:
        if self.journal is not None:
            nonce = attempt.transaction["nonce"]
            self.journal.record_signed(
                SentTransaction(
                    tx_hash, attempt.kind, self.address, nonce, attempt.transaction["value"], attempt.signed_at
                )
            )

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
        deadline, pause = monotonic() + self.patience_seconds, _FIRST_POLL_SECONDS
        while True:
            for tx_hash in hashes:
                receipt: Json | None = self.chain.request("eth_getTransactionReceipt", tx_hash)
                if receipt is not None and receipt.get("blockNumber") is not None:
                    return receipt
            if monotonic() >= deadline:
                return None
            self.guard()
            sleep(min(pause, self.patience_seconds))
            pause = min(2 * pause, _POLL_SECONDS)

    def _why(self, to: Address | None, data: bytes, receipt: Receipt, transaction: Json) -> str:
        """The reason of a transaction that failed although its simulation succeeded."""
        if receipt.gas_used >= transaction["gas"]:
            return f"it ran out of its {transaction['gas']} gas"
        if to is not None:
            try:
                self.chain.call(to, data, receipt.block_number, self.address)
            except TransactionFailed as error:
                return str(error)
        return "the state changed between simulation and block"
