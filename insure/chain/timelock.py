"""The timelock that owns policy book and pool: operations scheduled, waited for, executed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from eth_utils.crypto import keccak

from insure.chain.codec import word
from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.errors import InvalidInput
from insure.records.onchain import Address, Bytes32

_NO_WORD: Bytes32 = "0x" + "00" * 32


class Role(StrEnum):
    """Who may do what with a timelock's operations."""

    ADMIN = "administrator"
    PROPOSER = "proposer"
    EXECUTOR = "executor"
    CANCELLER = "canceller"

    @property
    def id(self) -> Bytes32:
        """What the contract calls it."""
        return _NO_WORD if self is Role.ADMIN else word(keccak(text=f"{self.name}_ROLE"))


class OperationState(IntEnum):
    """How far an operation has come; the numbers are the contract's."""

    UNSET = 0
    WAITING = 1
    READY = 2
    DONE = 3


@dataclass(frozen=True)
class Operation:
    """Calls that a timelock makes together, in this order; `salt` tells apart two of the same calls.

    Where `predecessor` is given, that operation must be done before. Raises `InvalidInput` without any call.
    """

    calls: tuple[Call, ...]
    salt: Bytes32 = _NO_WORD
    predecessor: Bytes32 = _NO_WORD

    def __post_init__(self) -> None:
        if not self.calls:
            raise InvalidInput("calls is empty: an operation must have at least one")

    def _values(self) -> tuple[Sequence[Address], Sequence[int], Sequence[bytes], Bytes32, Bytes32]:
        targets, payloads = [call.address for call in self.calls], [call.data for call in self.calls]
        return targets, [0] * len(self.calls), payloads, self.predecessor, self.salt


class Timelock(Contract):
    """Owner of policy book and pool: what it does was announced at least the minimum delay before."""

    artifact = "Timelock"

    def minimum_delay(self, block: int | None = None) -> int:
        """Least seconds from scheduling to execution."""
        return self._number("getMinDelay", block=block)

    def has_role(self, role: Role, account: Address, block: int | None = None) -> bool:
        """Whether an account has a role; the zero address as executor stands for anyone."""
        return self._flag("hasRole", role.id, account, block=block)

    def operation_id(self, operation: Operation) -> Bytes32:
        """The id under which an operation is known."""
        return word(self._read("hashOperationBatch", *operation._values())[0])

    def state(self, operation: Operation, block: int | None = None) -> OperationState:
        """How far an operation has come."""
        return OperationState(self._number("getOperationState", self.operation_id(operation), block=block))

    def ready_at(self, operation: Operation, block: int | None = None) -> int | None:
        """From when on an operation can be executed, UTC seconds; None if it is not waiting or ready."""
        if self.state(operation, block) not in (OperationState.WAITING, OperationState.READY):
            return None
        return self._number("getTimestamp", self.operation_id(operation), block=block)

    def schedule(self, operation: Operation, delay: int | None = None) -> Call:
        """Announces an operation, to be executed after `delay` seconds, the minimum by default; proposers may."""
        wait = self.minimum_delay() if delay is None else delay
        return self._call("scheduleBatch", *operation._values(), wait)

    def execute(self, operation: Operation) -> Call:
        """Executes an operation that is ready; executors may."""
        return self._call("executeBatch", *operation._values())

    def cancel(self, operation: Operation) -> Call:
        """Takes back what is announced; proposers and cancellers may."""
        return self._call("cancel", self.operation_id(operation))

    def grant_role(self, role: Role, account: Address) -> Call:
        """Gives a role; only the timelock itself may, by an operation."""
        return self._call("grantRole", role.id, account)

    def revoke_role(self, role: Role, account: Address) -> Call:
        """Takes a role; only the timelock itself may, by an operation."""
        return self._call("revokeRole", role.id, account)

    def update_delay(self, seconds: int) -> Call:
        """Changes the minimum delay; only the timelock itself may, by an operation."""
        return self._call("updateDelay", seconds)
