"""What the owner of an installation does: announced, waited for, executed; and why it is refused."""

from dataclasses import dataclass

import pytest

from insure.chain.contracts import CoverPool, PolicyBook
from insure.chain.sender import Sender
from insure.chain.timelock import Operation, OperationState, Role, Timelock
from insure.errors import InvalidInput, TransactionFailed
from insure.records.onchain import ZERO_ADDRESS
from tests.test_deploy import ADDRESSES, LOCKED, deployed

DELAY = 172_800


@dataclass
class Governed:
    """A deployed installation whose owner is its timelock."""

    lock: Timelock
    policies: PolicyBook
    pool: CoverPool
    trigger_id: str
    proposer: Sender
    canceller: Sender
    anyone: Sender

    def wait(self, seconds: int) -> None:
        chain = self.proposer.chain
        chain.travel(chain.head().timestamp + seconds)  # type: ignore[attr-defined]


@pytest.fixture
def governed() -> Governed:
    chain, deployment = deployed(LOCKED)
    assert deployment.timelock is not None
    return Governed(
        Timelock(chain, deployment.timelock),
        PolicyBook(chain, deployment.policy_book),
        CoverPool(chain, deployment.cover_pool),
        deployment.triggers[0].trigger_id,
        Sender(chain, chain.accounts[11]),
        Sender(chain, chain.accounts[12]),
        Sender(chain, chain.accounts[15]),
    )


def test_an_operation_is_announced_waited_for_and_done_by_anyone(governed: Governed) -> None:
    lock = governed.lock
    stop = governed.policies.stop_sales(governed.trigger_id)
    operation = Operation((stop, governed.pool.add_scenario("a cloud")))
    assert lock.state(operation) is OperationState.UNSET
    assert lock.ready_at(operation) is None
    receipt = governed.proposer.send(lock.schedule(operation))
    assert lock.state(operation) is OperationState.WAITING
    assert lock.ready_at(operation) == receipt.timestamp + DELAY
    with pytest.raises(TransactionFailed, match=r"TimelockUnexpectedOperationState: operation 0x\w+ is not ready"):
        governed.anyone.send(lock.execute(operation))
    governed.wait(DELAY)
    assert lock.state(operation) is OperationState.READY
    scenarios = governed.pool.scenario_count()
    governed.anyone.send(lock.execute(operation))
    assert lock.state(operation) is OperationState.DONE
    assert lock.ready_at(operation) is None
    assert not governed.policies.listing(governed.trigger_id).open
    assert governed.pool.scenario_count() == scenarios + 1


def test_who_is_no_proposer_schedules_nothing(governed: Governed) -> None:
    operation = Operation((governed.policies.stop_sales(governed.trigger_id),))
    for other in (governed.anyone, governed.canceller):
        with pytest.raises(TransactionFailed, match=f"(?i){other.address} is no proposer of the timelock"):
            other.send(governed.lock.schedule(operation))


def test_nothing_is_scheduled_faster_than_the_minimum_delay(governed: Governed) -> None:
    operation = Operation((governed.policies.stop_sales(governed.trigger_id),))
    with pytest.raises(TransactionFailed, match="a delay of 172799 seconds is too short: at least 172800"):
        governed.proposer.send(governed.lock.schedule(operation, DELAY - 1))
    governed.proposer.send(governed.lock.schedule(operation, 2 * DELAY))
    governed.wait(DELAY)
    assert governed.lock.state(operation) is OperationState.WAITING


def test_a_canceller_takes_back_what_waits(governed: Governed) -> None:
    operation = Operation((governed.policies.set_underwriter(ADDRESSES[15], 10**12),))
    governed.proposer.send(governed.lock.schedule(operation))
    with pytest.raises(TransactionFailed, match="is no canceller of the timelock"):
        governed.anyone.send(governed.lock.cancel(operation))
    governed.canceller.send(governed.lock.cancel(operation))
    assert governed.lock.state(operation) is OperationState.UNSET
    with pytest.raises(TransactionFailed, match="is not waiting or ready"):
        governed.canceller.send(governed.lock.cancel(operation))


def test_the_same_calls_again_need_another_salt_and_may_name_what_comes_before(governed: Governed) -> None:
    calls = (governed.policies.stop_sales(governed.trigger_id),)
    first = Operation(calls)
    second = Operation(calls, salt="0x" + "01" * 32, predecessor=governed.lock.operation_id(first))
    governed.proposer.send(governed.lock.schedule(first))
    with pytest.raises(TransactionFailed, match="is not unset"):
        governed.proposer.send(governed.lock.schedule(first))
    governed.proposer.send(governed.lock.schedule(second))
    governed.wait(DELAY)
    with pytest.raises(TransactionFailed, match=r"operation 0x\w+ must be executed before this one"):
        governed.anyone.send(governed.lock.execute(second))
    governed.anyone.send(governed.lock.execute(first))
    governed.anyone.send(governed.lock.execute(second))


def test_roles_and_delay_change_by_operations_alone(governed: Governed) -> None:
    lock, other = governed.lock, governed.anyone.address
    for call in (lock.grant_role(Role.PROPOSER, other), lock.revoke_role(Role.CANCELLER, ADDRESSES[12])):
        with pytest.raises(TransactionFailed, match="is no administrator of the timelock"):
            governed.proposer.send(call)
    with pytest.raises(TransactionFailed, match="is not the timelock, which alone may do this"):
        governed.proposer.send(lock.update_delay(1))
    calls = (
        lock.grant_role(Role.PROPOSER, other),
        lock.update_delay(3_600),
        lock.revoke_role(Role.EXECUTOR, ZERO_ADDRESS),
    )
    governed.proposer.send(lock.schedule(Operation(calls)))
    governed.wait(DELAY)
    governed.anyone.send(lock.execute(Operation(calls)))
    assert lock.has_role(Role.PROPOSER, other)
    assert lock.minimum_delay() == 3_600
    assert not lock.has_role(Role.EXECUTOR, ZERO_ADDRESS)


def test_a_call_that_the_target_refuses_is_told_with_its_reason(governed: Governed) -> None:
    operation = Operation((governed.policies.stop_sales("0x" + "77" * 32),))
    governed.proposer.send(governed.lock.schedule(operation))
    governed.wait(DELAY)
    with pytest.raises(TransactionFailed, match=r"NotListed: trigger 0x77\w+ is not listed"):
        governed.anyone.send(governed.lock.execute(operation))


def test_an_operation_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="calls is empty"):
        Operation(())


def test_ownership_is_handed_on_in_two_steps(governed: Governed) -> None:
    operation = Operation((governed.policies.transfer_ownership(governed.anyone.address),))
    governed.proposer.send(governed.lock.schedule(operation))
    governed.wait(DELAY)
    governed.anyone.send(governed.lock.execute(operation))
    assert governed.policies.owner() == governed.lock.address
    assert governed.policies.pending_owner() == governed.anyone.address
    governed.anyone.send(governed.policies.accept_ownership())
    assert governed.policies.owner() == governed.anyone.address
