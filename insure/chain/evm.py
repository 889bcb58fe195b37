"""The EVM of an embedded chain: eth-tester's, with its own id and clock, waiting transactions, and calls for nothing.

Not thread-safe: `Node` holds the lock.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.exceptions import PyEVMError, Revert
from eth.exceptions import TransactionNotFound as Unindexed
from eth.vm.forks.cancun import CancunVM
from eth.vm.spoof import SpoofTransaction
from eth_tester import PyEVMBackend
from eth_tester.backends.pyevm.serializers import serialize_transaction, serialize_transaction_receipt
from eth_tester.exceptions import TransactionNotFound
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from insure.errors import ChainError

BLOCK_GAS_LIMIT = 30_000_000
_REPLACEMENT_PERCENT = 110
_ESTIMATE_MARGIN = 500_000


class Reverted(Exception):
    """A call that the contract refused; `data` says why."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


class _OwnClock(MiningChain):
    """A chain whose blocks are one second apart, where py-evm would ask the machine's clock."""

    def create_header_from_parent(self, parent_header: BlockHeaderAPI, **fields: Any) -> BlockHeaderAPI:
        return super().create_header_from_parent(parent_header, **{"timestamp": parent_header.timestamp + 1} | fields)


class Evm(PyEVMBackend):  # type: ignore[misc]  # eth-tester publishes no types
    """A chain under Cancun's rules, with its own id, whose clock only callers move; it signs for nobody."""

    chain: Any

    def __init__(self, chain_id: int, genesis_time: int, balances: Mapping[bytes, int]) -> None:
        genesis = {"timestamp": genesis_time, "gas_limit": BLOCK_GAS_LIMIT}
        state = {
            address: {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
            for address, balance in balances.items()
        }
        super().__init__(self.generate_genesis_params(genesis), state, ((0, CancunVM),))
        # eth-tester fixes the id of its chains and has no argument for it
        rules = type("Rules", (_OwnClock, type(self.chain)), {"chain_id": chain_id})
        self.chain = rules(self.chain.chaindb.db)
        self.account_keys = ()
        self.halted = False
        """Whether mining is switched off."""
        self._waiting: dict[tuple[bytes, int], SignedTransactionAPI] = {}

    # ------------------------------------------------------------- blocks and clock

    @property
    def height(self) -> int:
        """Number of the last block."""
        return int(self.chain.header.block_number) - 1

    @property
    def head_hash(self) -> bytes:
        """Hash of the last block."""
        return bytes(self.chain.header.parent_hash)

    @property
    def clock(self) -> int:
        """When the next block will be, UTC seconds."""
        return int(self.chain.header.timestamp)

    def time_of(self, number: int) -> int:
        """When a block was, UTC seconds."""
        return int(self.chain.get_canonical_block_header_by_number(number).timestamp)

    def set_clock(self, timestamp: int) -> None:
        """Moves the time of the next block forward; never moves it back."""
        self.chain.set_header_timestamp(max(timestamp, self.clock))

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> Any:
        """Mines blocks one second apart, the first with what waits; raises `ChainError` while halted."""
        if self.halted:
            raise ChainError("the chain is halted: no block can be mined")
        self._apply_waiting()
        return super().mine_blocks(num_blocks, coinbase)

    def roll_back(self, blocks: int) -> None:
        """Forgets the last blocks with their transactions, but not the time they took."""
        if not 0 < blocks <= self.height:
            raise ChainError(f"can't roll back {blocks} blocks: there are {self.height} above the genesis block")
        clock = self.clock
        self.revert_to_snapshot(self.chain.get_canonical_block_hash(self.height - blocks))
        self.set_clock(clock)

    # ------------------------------------------------------------- transactions

    def send_raw_transaction(self, raw_transaction: bytes) -> bytes:
        """Puts a signed transaction into the next block or, while halted, lets it wait; returns its hash.

        Raises `ChainError` when it can't be executed (signature, chain, nonce, funds, gas).
        """
        transaction = self._decode(raw_transaction)
        if self.halted:
            self._wait(transaction)
        else:
            self._apply(transaction)
        return transaction.hash

    def _decode(self, raw: bytes) -> SignedTransactionAPI:
        try:
            transaction: SignedTransactionAPI = self.chain.get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.check_signature_validity()
        except (PyEVMError, ValidationError, RLPException, ValueError, TypeError, IndexError) as error:
            raise ChainError(f"transaction can't be read: {error}") from error
        # py-evm leaves these two to the pool of transactions, which it does not have
        if transaction.chain_id not in (None, self.chain.chain_id):
            raise ChainError(f"transaction is for chain {transaction.chain_id}, this is chain {self.chain.chain_id}")
        if transaction.gas > BLOCK_GAS_LIMIT:
            raise ChainError(f"gas {transaction.gas} exceeds the block's limit of {BLOCK_GAS_LIMIT}")
        return transaction

    def _apply(self, transaction: SignedTransactionAPI) -> None:
        try:
            self.chain.apply_transaction(transaction)
        except ValidationError as error:
            raise ChainError(f"transaction can't be executed: {error}") from error

    def _wait(self, transaction: SignedTransactionAPI) -> None:
        sender, nonce = transaction.sender, self.get_nonce(transaction.sender)
        if transaction.nonce < nonce:
            raise ChainError(f"nonce too low: next is {nonce}, given {transaction.nonce}")
        known = self._waiting.get((sender, transaction.nonce))
        least = known.max_fee_per_gas * _REPLACEMENT_PERCENT // 100 if known is not None else 0
        if transaction.max_fee_per_gas < least:
            raise ChainError(f"replacement transaction underpriced: fee must be at least {least}")
        self._waiting[sender, transaction.nonce] = transaction

    def _apply_waiting(self) -> None:
        """Puts into the next block what follows in order of nonces and fits; drops what can't be executed."""
        waiting, self._waiting = self._waiting, {}
        for (sender, nonce), transaction in sorted(waiting.items(), key=lambda item: item[0][1]):
            follows = nonce <= super().get_nonce(sender, "pending")
            if follows and transaction.gas <= self._max_available_gas():
                with suppress(ChainError):
                    self._apply(transaction)
            else:
                self._waiting[sender, nonce] = transaction

    def get_nonce(self, account: bytes, block_number: int | str = "latest") -> int:
        """How many transactions the account has sent by a block; "pending" counts those that wait."""
        nonce = int(super().get_nonce(account, block_number))
        while block_number == "pending" and (account, nonce) in self._waiting:
            nonce += 1
        return nonce

    def get_transaction_by_hash(self, transaction_hash: bytes) -> dict[str, Any]:
        """A mined or waiting transaction, found by its index."""
        for waiting in self._waiting.values():
            if waiting.hash == transaction_hash:
                return dict(serialize_transaction(None, waiting, None, True))
        block, index = self._place(transaction_hash)
        return dict(serialize_transaction(block, block.transactions[index], index, False))

    def get_transaction_receipt(self, transaction_hash: bytes) -> dict[str, Any]:
        """The receipt of a mined transaction, found by its index; its logs are counted within the block."""
        block, index = self._place(transaction_hash)
        receipts = block.get_receipts(self.chain.chaindb)
        transaction, vm = block.transactions[index], self.chain.get_vm()
        receipt = dict(serialize_transaction_receipt(block, receipts, transaction, index, False, vm))
        before = sum(len(earlier.logs) for earlier in receipts[:index])
        for log in receipt["logs"]:
            log["log_index"] += before
        return receipt

    def _place(self, transaction_hash: bytes) -> tuple[BlockAPI, int]:
        """The block of a transaction and its index there; the index of rolled-back ones may still be stored."""
        with suppress(Unindexed):
            number, index = self.chain.get_canonical_transaction_index(transaction_hash)
            if number <= self.height:
                block: BlockAPI = self.chain.get_canonical_block_by_number(number)
                if [each.hash for each in block.transactions[index : index + 1]] == [transaction_hash]:
                    return block, index
        raise TransactionNotFound(f"no transaction has the hash 0x{transaction_hash.hex()}")

    # ------------------------------------------------------------- execution that keeps nothing

    def call(self, transaction: Mapping[str, Any], block_number: int | str = "latest") -> bytes:
        """What a message gives on the state and in the context of a block; gas costs nothing.

        Raises `Reverted` with the contract's data, `ChainError` when execution fails otherwise.
        """
        return self._execute(transaction, block_number)[0]

    def estimate_gas(self, transaction: Mapping[str, Any], block_number: int | str = "latest") -> int:
        """Gas that is enough for a message: half more than it used, and room for callees that demand a reserve."""
        used = self._execute(transaction, block_number)[1]
        return min(used * 3 // 2 + _ESTIMATE_MARGIN, BLOCK_GAS_LIMIT)

    def _execute(self, transaction: Mapping[str, Any], block_number: int | str) -> tuple[bytes, int]:
        """Output and gas used before refunds."""
        number = self.height if isinstance(block_number, str) else block_number
        if block_number == "earliest":
            number = 0
        if number > self.height:
            raise ChainError(f"block {number} not found; the last one is {self.height}")
        header = self.chain.get_canonical_block_header_by_number(number)
        vm = self.chain.get_vm(header.copy(base_fee_per_gas=0))
        limit = min(transaction.get("gas", BLOCK_GAS_LIMIT), BLOCK_GAS_LIMIT)
        message = vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(transaction["from"]),
            gas_price=0,
            gas=limit,
            to=transaction.get("to", b""),
            value=transaction.get("value", 0),
            data=transaction.get("data", b""),
        )
        try:
            computation = vm.state.apply_transaction(SpoofTransaction(message, from_=transaction["from"]))
        except ValidationError as error:
            raise ChainError(f"execution failed: {error}") from error
        if computation.is_error and isinstance(computation.error, Revert):
            raise Reverted(computation.output)
        if computation.is_error:
            raise ChainError(f"execution failed: {type(computation.error).__name__}")
        return computation.output, limit - computation.get_gas_remaining()
