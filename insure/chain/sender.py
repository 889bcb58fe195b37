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
from insure.chain.outbox import Journal, find_receipt, read_receipt
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


@dataclass(frozen=True)
class _Wanted:
    """What is to be sent; `to` is None where a contract is created."""

    what: str
    kind: str
    to: Address | None
    data: bytes
    value: int = 0

    @classmethod
    def of(cls, call: Call) -> "_Wanted":
        return cls(str(call), call.function, call.address, call.data, call.value)


@dataclass(frozen=True)
class _Market:
    """What gas costs as of the chain's last block, whose time `now` is."""

    asked: Fees
    highest: Fees
    gas_limit: int
    now: int


@dataclass
class _Attempt:
    """A transaction that is on its way: all that was offered has the same nonce, so one of them at most is mined."""

    wanted: _Wanted
    transaction: Json
    fees: Fees
    market: _Market
    hashes: list[str] = field(default_factory=list)
    used: bool = False
    """Whether the node says that the nonce is used."""

    @property
    def nonce(self) -> int:
        return int(self.transaction["nonce"])


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
        self._estimate(_Wanted.of(call))

    def send(self, call: Call) -> Receipt:
        """Simulates and sends the call and waits until it is mined.

        Raises `TransactionFailed` with the contract's reason (nothing was sent if the simulation already failed),
        `Unreachable` when the endpoint does not answer or the transaction is not mined in time.
        """
        return self._transact(_Wanted.of(call))[0]

    def send_in_turn(self, calls: Sequence[tuple[Call, int]]) -> list[Receipt]:
        """Sends all before any is mined, in this order and not simulated, each with the gas that it may use at most.

        For calls that become possible by those before them, or with the next block. Returns when all are mined: what
        fails has a receipt that says so. Raises `Unreachable` when one is not mined in time; `MOST_IN_TURN` at most.
        """
        if len(calls) > MOST_IN_TURN:
            raise InvalidInput(f"calls in turn: {len(calls)}, must be {MOST_IN_TURN} at most")
        if not calls:
            return []
        with self._lock:
            self.guard()
            market, first = self._market(str(calls[0][0])), self._next_nonce()
            attempts = [
                self._begin(_Wanted.of(call), gas, first + place, market) for place, (call, gas) in enumerate(calls)
            ]
            return [self._finish(attempt)[0] for attempt in attempts]

    def create(self, name: str, code: bytes) -> tuple[Address, Receipt]:
        """Creates a contract from its code with encoded arguments; returns its address. Raises as `send` does."""
        receipt, found = self._transact(_Wanted(f"creation of {name}", "create", None, code))
        return Web3.to_checksum_address(found["contractAddress"]), receipt

    def transfer(self, to: Address, wei: int) -> Receipt:
        """Sends the chain's own coin. Raises as `send` does."""
        return self._transact(_Wanted(f"transfer to {to}", "transfer", to, b"", wei))[0]

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

    def _estimate(self, wanted: _Wanted) -> int:
        try:
            return self.chain.estimate_gas(self.address, wanted.to, wanted.data, wanted.value)
        except TransactionFailed as error:
            raise TransactionFailed(f"{wanted.what} was refused: {error}") from error

    def _transact(self, wanted: _Wanted) -> tuple[Receipt, Json]:
        with self._lock:
            self.guard()
            market = self._market(wanted.what)
            gas = self._estimate(wanted) * _GAS_PERCENT // 100
            attempt = self._begin(wanted, gas, self._next_nonce(), market)
            receipt, found = self._finish(attempt)
        if not receipt.succeeded:
            raise TransactionFailed(f"{wanted.what} reverted when mined: {self._why(attempt, receipt)}")
        return receipt, found

    def _market(self, what: str) -> _Market:
        head = self.chain.request("eth_getBlockByNumber", "latest", False)
        with reading("eth_getBlockByNumber"):
            base = head.get("baseFeePerGas")
            base_fee, gas_limit = None if base is None else int(base, 16), int(head["gasLimit"], 16)
            now = int(head["timestamp"], 16)
        asked = asked_fees(what, self.chain, base_fee, self.fee_cap)
        return _Market(asked, asked.times(_HIGHEST_TIMES).within(self.fee_cap), gas_limit, now)

    def _begin(self, wanted: _Wanted, gas: int, nonce: int, market: _Market) -> _Attempt:
        """Signs and offers it, for more than what was offered with this nonce before."""
        transaction: Json = {
            "chainId": self.chain.chain_id,
            "nonce": nonce,
            "gas": min(gas, market.gas_limit),
            "value": wanted.value,
            "data": wanted.data,
        }
        if wanted.to is not None:
            transaction["to"] = wanted.to
        fees = market.asked
        if nonce in self._offered:
            fees = fees.each(max, self._offered[nonce].raised()).each(min, market.highest)
        attempt = _Attempt(wanted, transaction, fees, market)
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

    def _finish(self, attempt: _Attempt) -> tuple[Receipt, Json]:
        """Waits, and offers more, until one of the attempts is mined; returns its receipt, and as the node has it."""
        what, nonce = attempt.wanted.what, attempt.nonce
        for round_ in range(self.replacements + 1):
            if round_:
                attempt.fees = attempt.fees.raised().each(min, attempt.market.highest)
                self._offer(attempt)
            found = self._wait(attempt.hashes)
            if found is not None:
                return self._mined_as(nonce, found), found
            if attempt.used:
                raise ChainError(f"{what} was not mined: its nonce {nonce} was used by another transaction")
            _log.warning("%s: attempt %d is not mined yet, hash %s", what, round_ + 1, attempt.hashes[-1])
        raise Unreachable(f"{what} was sent but not mined in time; hashes: {', '.join(attempt.hashes)}")

    def _mined_as(self, nonce: int, found: Json) -> Receipt:
        self._mined = nonce + 1
        self._offered = {each: fees for each, fees in self._offered.items() if each > nonce}
        receipt = read_receipt(self.chain, found)
        if self.journal is not None:
            self.journal.record_fate(receipt.tx_hash, Fate.MINED, receipt)
        return receipt

    def _offer(self, attempt: _Attempt) -> None:
        """Offers it until it outbids what waits with its nonce, or the nonce is used, or it can't outbid."""
        while True:
            self.guard()
            signed = self.account.sign_transaction(attempt.transaction | attempt.fees.fields())
            tx_hash = "0x" + bytes(signed.hash).hex()
            new = self._note(attempt, tx_hash)
            refusal = self._push(bytes(signed.raw_transaction))
            told = str(refusal).lower()
            # known already: a retried request got through twice
            if refusal is None or "already known" in told or "already imported" in told:
                if tx_hash not in attempt.hashes:
                    attempt.hashes.append(tx_hash)
                self._offered[attempt.nonce] = attempt.fees
                return
            # one that was noted before was taken once, and one whose nonce is used may be what has used it, taken by
            # an answer that got lost
            if self.journal is not None and new and "nonce" not in told:
                self.journal.record_refused(tx_hash)
            if "underpriced" in told or "replace" in told:
                if attempt.fees != attempt.market.highest:
                    attempt.fees = attempt.fees.raised().each(min, attempt.market.highest)
                elif attempt.hashes:
                    return
                else:
                    earlier = f"an earlier transaction with nonce {attempt.nonce} is not mined in time"
                    raise Unreachable(f"{attempt.wanted.what}: {earlier}, and can't be outbid: {refusal}")
            elif attempt.hashes and "nonce" in told:  # one of the attempts was mined meanwhile, or another transaction
                attempt.used = True
                return
            else:
                raise refusal

    def _note(self, attempt: _Attempt, tx_hash: str) -> bool:
        """Has it in the journal before it is published; returns whether it was not there."""
        if self.journal is None:
            return False
        wanted = attempt.wanted
        return self.journal.record_signed(
            SentTransaction(tx_hash, wanted.kind, self.address, attempt.nonce, wanted.value, attempt.market.now)
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
                found = find_receipt(self.chain, tx_hash)
                if found is not None:
                    return found
            if monotonic() >= deadline:
                return None
            self.guard()
            sleep(min(pause, self.patience_seconds))
            pause = min(2 * pause, _POLL_SECONDS)

    def _why(self, attempt: _Attempt, receipt: Receipt) -> str:
        """The reason of a transaction that failed although its simulation succeeded."""
        if receipt.gas_used >= attempt.transaction["gas"]:
            return f"it ran out of its {attempt.transaction['gas']} gas"
        if attempt.wanted.to is not None:
            try:
                self.chain.call(attempt.wanted.to, attempt.wanted.data, receipt.block_number, self.address)
            except TransactionFailed as error:
                return str(error)
        return "the state changed between simulation and block"
