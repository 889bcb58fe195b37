"""What the logs add up to: one handler per event, each a step of a fold over all logs in order."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlmodel import Session, col, delete, select

from insure.errors import ChainError
from insure.records.onchain import ZERO_ADDRESS, Log, Semantics
from insure.store import tables

Handler = Callable[[Session, Log], None]
_Row = TypeVar("_Row", bound=tables.Row)

_SEMANTICS = (Semantics.RETENTION, Semantics.QUALIFYING)  # in the order of the contract's enum


def apply(session: Session, log: Log) -> None:
    """Takes one log into the tables; raises `ChainError` for a log that contradicts those before it."""
    handler = _HANDLERS.get((log.contract, log.event))
    if handler is not None:
        handler(session, log)
        session.flush()  # the next one looks for what this one made


def clear(session: Session) -> None:
    """Empties every table that follows from the logs."""
    for table in tables.PROJECTED:
        session.exec(delete(table))


def _argument(log: Log, name: str) -> Any:
    try:
        return log.args[name]
    except KeyError:
        raise ChainError(f"{log.contract}.{log.event} in {log.tx_hash} has no argument {name!r}") from None


def _known(session: Session, log: Log, table: type[_Row], key: tuple[object, ...]) -> _Row:
    row = session.get(table, key)
    if row is None:
        raise ChainError(
            f"{log.contract}.{log.event} in {log.tx_hash} is about {table.__name__.lower()} {key}, whose own log "
            "the mirror has not seen: was it read from the deployment's block on?"
        )
    return row


def _trigger_created(session: Session, log: Log) -> None:
    session.add(
        tables.Trigger(
            trigger_id=_argument(log, "triggerId"),
            subject_id=_argument(log, "subjectId"),
            subject_key=_argument(log, "subject"),
            quorum=_argument(log, "quorum"),
            families=_argument(log, "families"),
            created_at=log.timestamp,
        )
    )


def _checkpoint_proposed(session: Session, log: Log) -> None:
    key = (_argument(log, "triggerId"), _argument(log, "sequence"))
    incident = session.get(tables.Incident, key)
    if incident is None:
        incident = tables.Incident(trigger_id=key[0], sequence=key[1], proposed_at=log.timestamp)
    number = _argument(log, "checkpoint")
    incident.checkpoints = number + 1
    session.add(incident)
    session.add(
        tables.Checkpoint(
            trigger_id=key[0],
            sequence=key[1],
            number=number,
            proposed_at=log.timestamp,
            covered_seconds=_argument(log, "coveredSeconds"),
            ready_at=_argument(log, "readyAt"),
            spans=_pairs(_argument(log, "spans")),
        )
    )


def _incident_of(session: Session, log: Log) -> tables.Incident:
    return _known(session, log, tables.Incident, (_argument(log, "triggerId"), _argument(log, "sequence")))


def _pairs(spans: Any) -> list[list[int]]:
    return [[span["from"], span["until"]] for span in spans]


def _incident_confirmed(session: Session, log: Log) -> None:
    incident = _incident_reaches(session, log)
    incident.spans = _pairs(_argument(log, "spans"))


def _incident_reaches(session: Session, log: Log) -> tables.Incident:
    incident = _incident_of(session, log)
    incident.start = _argument(log, "from")
    incident.until = _argument(log, "until")
    incident.covered_seconds = _argument(log, "coveredSeconds")
    return incident


def _incident_delayed(session: Session, log: Log) -> None:
    _incident_of(session, log).delayed_until = _argument(log, "delayedUntil")


def _incident_finalised(session: Session, log: Log) -> None:
    # its spans were told by the log before
    _incident_reaches(session, log).final_at = log.timestamp


def _trigger_listed(session: Session, log: Log) -> None:
    trigger = _known(session, log, tables.Trigger, (_argument(log, "triggerId"),))
    trigger.listing = dict(_argument(log, "listing"))


def _sales_stopped(session: Session, log: Log) -> None:
    trigger = _known(session, log, tables.Trigger, (_argument(log, "triggerId"),))
    trigger.listing = {**(trigger.listing or {}), "open": False}


def _policy_bought(session: Session, log: Log) -> None:
    quote = _argument(log, "quote")
    terms = quote["terms"]
    session.add(
        tables.Policy(
            policy_id=_argument(log, "policyId"),
            holder=_argument(log, "buyer"),
            trigger_id=_argument(log, "triggerId"),
            waiting_seconds=terms["waiting"],
            semantics=_SEMANTICS[terms["semantics"]],
            rate_per_second=terms["rate"],
            failover_benefit=terms["failoverBenefit"],
            incident_limit=terms["incidentLimit"],
            aggregate_limit=terms["aggregateLimit"],
            start=quote["start"],
            end=quote["end"],
            # the contract keeps it only then
            standby=quote["standby"] if terms["failoverBenefit"] else ZERO_ADDRESS,
            premium=quote["premium"],
            exclusions=_pairs(quote["exclusions"]),
            underwriter=_argument(log, "underwriter"),
            nonce=quote["nonce"],
            bought_at=log.timestamp,
        )
    )
    _policy_renewed(session, log)


def _policy_renewed(session: Session, log: Log) -> None:
    renewed = _argument(log, "quote")["renews"]
    if renewed:
        _known(session, log, tables.Policy, (renewed,)).renewed = True


def _policy_cancelled(session: Session, log: Log) -> None:
    policy = _known(session, log, tables.Policy, (_argument(log, "policyId"),))
    policy.end = _argument(log, "end")
    policy.cancelled = True


def _policy_transferred(session: Session, log: Log) -> None:
    if _argument(log, "from") == ZERO_ADDRESS:
        return  # the mint; `PolicyBought` names the first holder
    _known(session, log, tables.Policy, (_argument(log, "id"),)).holder = _argument(log, "to")


def _policy_released(session: Session, log: Log) -> None:
    _known(session, log, tables.Policy, (_argument(log, "policyId"),)).released = True


def _failover_activated(session: Session, log: Log) -> None:
    session.merge(
        tables.Failover(
            policy_id=_argument(log, "policyId"),
            sequence=_argument(log, "sequence"),
            activated_at=_argument(log, "activatedAt"),
        )
    )


def _claim_paid(session: Session, log: Log) -> None:
    policy = _known(session, log, tables.Policy, (_argument(log, "policyId"),))
    key = (policy.policy_id, _argument(log, "sequence"))
    claim = session.get(tables.Claim, key) or tables.Claim(
        policy_id=key[0], sequence=key[1], trigger_id=policy.trigger_id, owed=0, paid=0, debt=0, last_at=0
    )
    owed = _argument(log, "owed")
    policy.owed += owed - claim.owed
    claim.owed = owed
    claim.debt += _argument(log, "debt")
    _pay(session, log, policy, claim, paid=_argument(log, "paid"), debt=_argument(log, "debt"))


def _debt_paid(session: Session, log: Log) -> None:
    """The contract keeps debt by policy; here its payment goes to the policy's oldest incident first."""
    policy = _known(session, log, tables.Policy, (_argument(log, "policyId"),))
    left: int = _argument(log, "amount")
    claims = select(tables.Claim).where(tables.Claim.policy_id == policy.policy_id)
    for claim in session.exec(claims.order_by(col(tables.Claim.sequence))).all():
        part = min(left, claim.debt)
        if part:
            claim.debt -= part
            left -= part
            _pay(session, log, policy, claim, paid=part, debt=0)
    if left:
        raise ChainError(f"debt of {left} paid to policy {policy.policy_id} in {log.tx_hash} was never recorded")


def _pay(session: Session, log: Log, policy: tables.Policy, claim: tables.Claim, *, paid: int, debt: int) -> None:
    policy.paid += paid
    claim.paid += paid
    claim.last_at = log.timestamp
    session.add(claim)
    session.add(
        tables.Payment(
            tx_hash=log.tx_hash,
            log_index=log.log_index,
            sequence=claim.sequence,
            policy_id=claim.policy_id,
            trigger_id=claim.trigger_id,
            receiver=_argument(log, "to"),
            paid=paid,
            debt=debt,
            at=log.timestamp,
        )
    )


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("IncidentBook", "TriggerCreated"): _trigger_created,
    ("IncidentBook", "CheckpointProposed"): _checkpoint_proposed,
    ("IncidentBook", "IncidentConfirmed"): _incident_confirmed,
    ("IncidentBook", "IncidentDelayed"): _incident_delayed,
    ("IncidentBook", "IncidentFinalised"): _incident_finalised,
    ("PolicyBook", "TriggerListed"): _trigger_listed,
    ("PolicyBook", "SalesStopped"): _sales_stopped,
    ("PolicyBook", "PolicyBought"): _policy_bought,
    ("PolicyBook", "Transfer"): _policy_transferred,
    ("PolicyBook", "PolicyReleased"): _policy_released,
    ("PolicyBook", "PolicyCancelled"): _policy_cancelled,
    ("PolicyBook", "FailoverActivated"): _failover_activated,
    ("PolicyBook", "ClaimPaid"): _claim_paid,
    ("CoverPool", "DebtPaid"): _debt_paid,
}

EVENTS = frozenset(event for _, event in _HANDLERS)
"""The names of events that change a table."""
