"""Who has power over an installation, against what its manifest says."""

from collections.abc import Iterable, Iterator, Mapping

from insure.chain.rpc import Chain
from insure.chain.timelock import Role, Timelock
from insure.ops.blueprint import OWNED, TIMELOCK
from insure.ops.checking import Check, compared, history
from insure.records.deployment import Deployment
from insure.records.onchain import ZERO_ADDRESS, Address

_ANYONE = "anyone"


def powers(chain: Chain, deployment: Deployment) -> Iterator[Check]:
    """Owner and pending owner of each owned contract; delay and roles of the timelock that should own them."""
    for name, kind in OWNED.items():
        if name not in deployment.contracts:
            yield Check(f"powers: owner of {name}", False, "not in the manifest", f"{name} among its contracts")
            continue
        contract = kind(chain, deployment.contracts[name].address)
        yield compared(f"powers: owner of {name}", deployment.timelock or "a timelock", contract.owner)
        yield compared(f"powers: pending owner of {name}", None, contract.pending_owner)
    planned = deployment.contracts.get(TIMELOCK)
    if deployment.timelock is not None:
        address = planned and planned.address
        yield compared("timelock: address", address or "in the manifest's contracts", str, deployment.timelock)
    if planned is not None and deployment.timelock is not None:
        yield from _timelock(Timelock(chain, deployment.timelock), deployment, planned.arguments)


def _timelock(timelock: Timelock, deployment: Deployment, planned: Mapping[str, object]) -> Iterator[Check]:
    yield compared("timelock: minimum delay", planned.get("minimumDelay"), timelock.minimum_delay)
    proposers, executors = _accounts(planned, "proposers"), _accounts(planned, "executors")
    right = {
        Role.ADMIN: [timelock.address],
        Role.PROPOSER: proposers,
        Role.EXECUTOR: executors,
        Role.CANCELLER: [*proposers, *_accounts(planned, "cancellers")],
    }
    for role, accounts in right.items():
        yield compared(f"timelock: every {role}", _named(accounts), _holders, timelock, role, deployment.block)
        yield compared(f"timelock: the deploying key is no {role}", False, timelock.has_role, role, deployment.creator)


def _holders(timelock: Timelock, role: Role, since: int) -> str:
    holders: set[Address] = set()
    for event, args in history(timelock, since, "RoleGranted", "RoleRevoked"):
        if args["role"] != role.id:
            continue
        if event == "RoleGranted":
            holders.add(args["account"])
        else:
            holders.discard(args["account"])
    return _named(holders)


def _accounts(planned: Mapping[str, object], name: str) -> list[Address]:
    given = planned.get(name)
    return [str(each) for each in given] if isinstance(given, list) else []


def _named(accounts: Iterable[Address]) -> str:
    """Addresses in an order that is the same however they came about."""
    told = {_ANYONE if account == ZERO_ADDRESS else account for account in accounts}
    return ", ".join(sorted(told)) or "nobody"
