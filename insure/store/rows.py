"""From rows to records: what leaves the store are values, never rows."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from insure.records import mirror, onchain
from insure.records.views import PaymentView, PoolSnapshot
from insure.store import tables


def log_of(row: tables.Log) -> onchain.Log:
    """The decoded event."""
    return onchain.Log(
        chain_id=row.chain_id,
        address=row.address,
        contract=row.contract,
        event=row.event,
        args=row.args,
        block_number=row.block_number,
        block_hash=row.block_hash,
        tx_hash=row.tx_hash,
        log_index=row.log_index,
        timestamp=row.timestamp,
    )


def log_values(log: onchain.Log) -> dict[str, Any]:
    """The columns of a decoded event."""
    first = next(iter(log.args.values()), "")
    return {
        "chain_id": log.chain_id,
        "tx_hash": log.tx_hash,
        "log_index": log.log_index,
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "timestamp": log.timestamp,
        "address": log.address,
        "contract": log.contract,
        "event": log.event,
        "about": first if isinstance(first, str) else str(first),
        "args": log.args,
    }


def trigger_of(row: tables.Trigger) -> mirror.KnownTrigger:
    """The trigger with its listing."""
    return mirror.KnownTrigger(
        trigger_id=row.trigger_id,
        subject_id=row.subject_id,
        subject_key=row.subject_key,
        quorum=row.quorum,
        families=row.families,
        created_at=row.created_at,
        listing=None if row.listing is None else _listing(row.listing),
    )


def _listing(fields: dict[str, Any]) -> onchain.Listing:
    return onchain.Listing(
        floor_rate_bps=fields["floorRate"],
        minimum_waiting=fields["minimumWaiting"],
        minimum_seconds_to_limit=fields["minimumSecondsToLimit"],
        minimum_term=fields["minimumTerm"],
        maximum_term=fields["maximumTerm"],
        cap=fields["cap"],
        open=fields["open"],
    )


def policy_of(row: tables.Policy) -> onchain.Policy:
    """The policy."""
    terms = onchain.Terms(
        waiting_seconds=row.waiting_seconds,
        semantics=onchain.Semantics(row.semantics),
        rate_per_second=row.rate_per_second,
        failover_benefit=row.failover_benefit,
        incident_limit=row.incident_limit,
        aggregate_limit=row.aggregate_limit,
    )
    return onchain.Policy(
        policy_id=row.policy_id,
        holder=row.holder,
        trigger_id=row.trigger_id,
        terms=terms,
        start=row.start,
        end=row.end,
        standby=row.standby,
        premium=row.premium,
        owed=row.owed,
        paid=row.paid,
        released=row.released,
        cancelled=row.cancelled,
        renewed=row.renewed,
        exclusions=_spans_of(row.exclusions),
    )


def incident_of(row: tables.Incident) -> onchain.Incident:
    """The incident."""
    return onchain.Incident(**row.model_dump(exclude={"spans"}), spans=_spans_of(row.spans))


def _spans_of(pairs: list[list[int]]) -> tuple[onchain.Span, ...]:
    return tuple(onchain.Span(start, until) for start, until in pairs)


def checkpoint_of(row: tables.Checkpoint) -> onchain.Checkpoint:
    """The checkpoint without its spans."""
    fields = row.model_dump(exclude={"number", "spans"})
    return onchain.Checkpoint(index=row.number, **fields)


def claim_of(row: tables.Claim) -> mirror.IncidentClaim:
    """The claim with its trigger."""
    return mirror.IncidentClaim(**row.model_dump())


def payment_of(row: tables.Payment) -> PaymentView:
    """The payment."""
    return PaymentView(
        at=row.at,
        policy_id=row.policy_id,
        trigger_id=row.trigger_id,
        sequence=row.sequence,
        to=row.receiver,
        paid=row.paid,
        debt=row.debt,
        tx_hash=row.tx_hash,
    )


def spell_report_of(row: tables.Log) -> mirror.SpellReport:
    """What a `SpellReported` says."""
    args = row.args
    return mirror.SpellReport(
        at=row.timestamp,
        path=row.address,
        subject_key=args["subject"],
        index=args["index"],
        start=args["from"],
        until=args["until"],
        open=args["open"],
        tx_hash=row.tx_hash,
    )


def alarm_of(row: tables.Log) -> mirror.AlarmReport:
    """What an `AlarmRaised` says."""
    args = row.args
    return mirror.AlarmReport(
        row.timestamp, row.address, args["subject"], args["observer"], args["alarmedUntil"], row.tx_hash
    )


def beat_of(row: tables.Log) -> mirror.Beat:
    """What a `Beat` says."""
    return mirror.Beat(row.timestamp, row.address, row.args["subject"], row.args["sentAt"], row.tx_hash)


_PRICED_ON = TypeAdapter(mirror.PricedOn)


def quote_row(
    signed: onchain.SignedQuote, breakdown: dict[str, Any], at: int, priced_on: mirror.PricedOn | None
) -> tables.Quote:
    """The row of an issued quote."""
    return tables.Quote(
        underwriter=signed.underwriter,
        nonce=signed.quote.nonce,
        at=at,
        fields=asdict(signed.quote),
        signature=signed.signature,
        breakdown=breakdown,
        priced_on=None if priced_on is None else asdict(priced_on),
    )


def quote_of(row: tables.Quote, policy_id: int | None) -> mirror.RecordedQuote:
    """The issued quote and the policy it was bought as."""
    exclusions = tuple(onchain.Span(**span) for span in row.fields.get("exclusions", ()))
    fields = {**row.fields, "terms": onchain.Terms(**row.fields["terms"]), "exclusions": exclusions}
    signed = onchain.SignedQuote(onchain.Quote(**fields), row.underwriter, row.signature)
    priced_on = None if row.priced_on is None else _PRICED_ON.validate_python(row.priced_on)
    return mirror.RecordedQuote(signed, row.breakdown, row.at, policy_id, priced_on)


def transaction_row(sent: mirror.SentTransaction) -> tables.Transaction:
    """The row of a transaction that is not mined yet."""
    return tables.Transaction(
        tx_hash=sent.tx_hash,
        kind=sent.kind,
        sender=sent.sender,
        nonce=sent.nonce,
        value=sent.value,
        signed_at=sent.signed_at,
        fate=sent.fate,
    )


def transaction_of(row: tables.Transaction) -> mirror.SentTransaction:
    """The transaction."""
    receipt = None
    if row.block_number is not None:
        receipt = onchain.Receipt(
            row.tx_hash,
            row.block_number,
            row.gas_used or 0,
            row.timestamp or 0,
            row.fee or 0,
            bool(row.succeeded),
        )
    fate = mirror.Fate(row.fate)
    return mirror.SentTransaction(row.tx_hash, row.kind, row.sender, row.nonce, row.value, row.signed_at, fate, receipt)


def spending_of(row: tables.Spending) -> mirror.Spending:
    """The spending."""
    return mirror.Spending(row.sender, row.kind, row.transactions, row.failures, row.gas_used, row.fees, row.value)


def observation_row(path: str, signed: onchain.SignedObservation, at: int) -> tables.Observation:
    """The row of a signed observation."""
    return tables.Observation(
        path=path,
        observer=signed.observer,
        signature=signed.signature,
        at=at,
        **asdict(signed.observation),
    )


def observation_of(row: tables.Observation) -> onchain.SignedObservation:
    """The signed observation."""
    observation = onchain.Observation(row.subject, row.start, row.until, row.ended, row.deadline)
    return onchain.SignedObservation(observation, row.observer, row.signature)


def snapshot_of(row: tables.Snapshot) -> PoolSnapshot:
    """The snapshot."""
    return PoolSnapshot(**row.model_dump())


def job_of(row: tables.Job) -> mirror.JobRecord:
    """The job's record."""
    return mirror.JobRecord(**row.model_dump())
