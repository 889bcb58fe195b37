"""The mirror of the contracts' logs: how far it was read, what was read, and what it adds up to."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, insert, or_
from sqlmodel import Session, col, delete, select

from insure.errors import InvalidInput
from insure.records.mirror import (
    AlarmReport,
    Beat,
    Failover,
    IncidentClaim,
    KnownTrigger,
    SpellReport,
)
from insure.records.onchain import Bytes32, Checkpoint, Head, Incident, Log, Policy, Span
from insure.records.views import LedgerEntry, PaymentView
from insure.store import costs, projection, rows, tables
from insure.store.database import Database

KEPT_BLOCKS = 5_000
"""How many blocks back the mirror remembers its branch; after a deeper reorganisation it is read anew."""

_AT_ONCE = 500
"""Logs that are read together when the tables are computed anew: memory stays the same however many there are."""
_TOKEN_NOISE = ("Approval", "ApprovalForAll", "Transfer")


class Mirror(Database):
    """Reads return records. Only the watcher calls `bind`, `advance` and `roll_back`."""

    def bind(self, installation: str, contracts: Sequence[str]) -> Head | None:
        """The last block taken in from this installation, None if there is none yet.

        A changed set of contracts (a path was added) empties the mirror, so that their past is read too. Raises
        `InvalidInput` if this database mirrors another installation.
        """
        wanted = ",".join(sorted(contracts))
        with self._writing() as session:
            cursor = session.exec(select(tables.Cursor)).first()
            if cursor is None:
                session.add(tables.Cursor(installation=installation, contracts=wanted))
                return None
            if cursor.installation != installation:
                raise InvalidInput(
                    f"database_url: this database mirrors {cursor.installation}, not {installation}; use another"
                )
            if cursor.contracts != wanted:
                cursor.contracts = wanted
                _roll_back(session, None)
            return _head_of(cursor)

    def cursor(self) -> Head | None:
        """The last block taken in; None before the first."""
        with self._reading() as session:
            row = session.exec(select(tables.Cursor)).first()
            return None if row is None else _head_of(row)

    def installation(self) -> str | None:
        """What is mirrored here; None before anything is."""
        with self._reading() as session:
            row = session.exec(select(tables.Cursor)).first()
            return None if row is None else row.installation

    def advance(self, expected: Head | None, head: Head, logs: Iterable[Log]) -> int | None:
        """Takes in all logs from after `expected` up to `head`, in order, and moves the cursor: all or nothing.

        Returns how many were new; None if the cursor was no longer at `expected` (another process was faster) and
        nothing was done.
        """
        with self._writing() as session:
            cursor = session.exec(select(tables.Cursor)).one()
            if _head_of(cursor) != expected:
                return None
            fresh = _unknown(session, sorted(logs, key=lambda log: (log.block_number, log.log_index)))
            _insert(session, tables.Log, [rows.log_values(log) for log in fresh])
            _remember(session, head, fresh)
            for log in fresh:
                projection.apply(session, log)
            cursor.number, cursor.hash, cursor.timestamp = head.number, head.hash, head.timestamp
            return len(fresh)

    def blocks(self) -> list[Head]:
        """The remembered blocks of the branch the mirror is on, newest first."""
        with self._reading() as session:
            found = session.exec(select(tables.Block).order_by(col(tables.Block.number).desc())).all()
            return [Head(row.number, row.hash, row.timestamp) for row in found]

    def roll_back(self, expected: Head | None, to: Head | None) -> bool:
        """Forgets everything after `to` (None: everything) and computes anew what the remaining logs add up to.

        What becomes of our own transactions that were final in blocks after `to` is open again. Returns False if the
        cursor was no longer at `expected` (another process was faster) and nothing was done.
        """
        with self._writing() as session:
            at_hand = _head_of(session.exec(select(tables.Cursor)).one()) == expected
            if at_hand:
                _roll_back(session, to)
                if to is not None:
                    costs.reopen(session, to.number)
            return at_hand

    def logs(self, event: str | None = None, about: str | None = None) -> list[Log]:
        """The logs in order; `about` is an event's first indexed argument as text."""
        with self._reading() as session:
            return [rows.log_of(row) for row in _logs(session, event, about)]

    def triggers(self) -> list[KnownTrigger]:
        """All triggers, oldest first."""
        query = select(tables.Trigger).order_by(col(tables.Trigger.created_at), col(tables.Trigger.trigger_id))
        with self._reading() as session:
            return [rows.trigger_of(row) for row in session.exec(query)]

    def policies(self, trigger_id: Bytes32 | None = None) -> list[Policy]:
        """All policies, or those on one trigger, by number."""
        query = select(tables.Policy).order_by(col(tables.Policy.policy_id))
        if trigger_id is not None:
            query = query.where(tables.Policy.trigger_id == trigger_id)
        with self._reading() as session:
            return [rows.policy_of(row) for row in session.exec(query)]

    def policy(self, policy_id: int) -> Policy | None:
        """One policy, if there is such."""
        with self._reading() as session:
            row = session.get(tables.Policy, policy_id)
            return None if row is None else rows.policy_of(row)

    def incidents(self, trigger_id: Bytes32 | None = None) -> list[Incident]:
        """All incidents, or those of one trigger, in the order of their first proposal."""
        table = tables.Incident
        query = select(table).order_by(col(table.proposed_at), col(table.trigger_id), col(table.sequence))
        if trigger_id is not None:
            query = query.where(table.trigger_id == trigger_id)
        with self._reading() as session:
            return [rows.incident_of(row) for row in session.exec(query)]

    def checkpoints(self, trigger_id: Bytes32, sequence: int) -> list[Checkpoint]:
        """The checkpoints of one incident, oldest first."""
        with self._reading() as session:
            return [rows.checkpoint_of(row) for row in _checkpoints(session, trigger_id, sequence)]

    def proposed_spans(self, trigger_id: Bytes32, sequence: int) -> list[tuple[Span, ...]]:
        """The spans of each checkpoint of one incident, oldest checkpoint first."""
        with self._reading() as session:
            found = _checkpoints(session, trigger_id, sequence)
            return [tuple(Span(start, until) for start, until in row.spans) for row in found]

    def claims(self, policy_id: int | None = None) -> list[IncidentClaim]:
        """What was claimed so far, by policy and incident."""
        query = select(tables.Claim).order_by(col(tables.Claim.policy_id), col(tables.Claim.sequence))
        if policy_id is not None:
            query = query.where(tables.Claim.policy_id == policy_id)
        with self._reading() as session:
            return [rows.claim_of(row) for row in session.exec(query)]

    def payments(self, policy_id: int | None = None, trigger_id: Bytes32 | None = None) -> list[PaymentView]:
        """What was sent, in order; a claim recorded as debt only is a payment of zero."""
        table = tables.Payment
        query = select(table).order_by(col(table.at), col(table.log_index), col(table.sequence))
        if policy_id is not None:
            query = query.where(table.policy_id == policy_id)
        if trigger_id is not None:
            query = query.where(table.trigger_id == trigger_id)
        with self._reading() as session:
            return [rows.payment_of(row) for row in session.exec(query)]

    def failovers(self) -> list[Failover]:
        """The recorded failovers by policy and incident."""
        with self._reading() as session:
            found = session.exec(select(tables.Failover)).all()
            return [Failover(row.policy_id, row.sequence, row.activated_at) for row in found]

    def spell_reports(self, subject_key: Bytes32 | None = None) -> list[SpellReport]:
        """What watcher paths attested, in order."""
        with self._reading() as session:
            return [rows.spell_report_of(row) for row in _logs(session, "SpellReported", subject_key)]

    def alarms(self, subject_key: Bytes32 | None = None) -> list[AlarmReport]:
        """The alarms that observers raised, in order."""
        with self._reading() as session:
            return [rows.alarm_of(row) for row in _logs(session, "AlarmRaised", subject_key)]

    def beats(self, subject_key: Bytes32 | None = None) -> list[Beat]:
        """The counted heartbeats, in order."""
        with self._reading() as session:
            return [rows.beat_of(row) for row in _logs(session, "Beat", subject_key)]

    def pool_events(self) -> list[Log]:
        """What happened in the pool, in order, transfers of shares apart."""
        with self._reading() as session:
            found = _logs(session, None, None, contract="CoverPool")
            return [rows.log_of(row) for row in found if row.event not in _TOKEN_NOISE]

    def ledger(self) -> list[LedgerEntry]:
        """Every event in order with its transaction's gas (None if it wasn't ours); the tokens' own events apart."""
        table, sent = tables.Log, tables.Transaction
        query = (
            select(table, sent)
            .outerjoin(sent, and_(col(sent.tx_hash) == col(table.tx_hash)))
            .where(col(table.event).not_in(_TOKEN_NOISE))
            .order_by(col(table.block_number), col(table.log_index))
        )
        with self._reading() as session:
            return [
                LedgerEntry(
                    at=row.timestamp,
                    what=row.event,
                    contract=row.contract,
                    tx_hash=row.tx_hash,
                    gas_used=None if transaction is None else transaction.gas_used,
                    details=row.args,
                )
                for row, transaction in session.exec(query)
            ]


def _head_of(row: tables.Cursor) -> Head | None:
    return None if row.number is None else Head(row.number, row.hash, row.timestamp)


def _unknown(session: Session, logs: Sequence[Log]) -> list[Log]:
    """Those that are not in the mirror, each once; by transaction, for a node may tell another block of a known one."""
    table, known = tables.Log, set()
    chains, hashes = {log.chain_id for log in logs}, list({log.tx_hash for log in logs})
    for first in range(0, len(hashes), _AT_ONCE):
        ours = col(table.tx_hash).in_(hashes[first : first + _AT_ONCE])
        query = select(table.chain_id, table.tx_hash, table.log_index).where(ours)
        # the key begins with the chain: not named, every log there is would be looked at
        known |= {tuple(row) for row in session.exec(query.where(col(table.chain_id).in_(chains)))}
    fresh: list[Log] = []
    for log in logs:
        key = (log.chain_id, log.tx_hash, log.log_index)
        if key not in known:
            known.add(key)
            fresh.append(log)
    return fresh


def _remember(session: Session, head: Head, logs: Iterable[Log]) -> None:
    """The branch: the last block taken in and those of its logs, as far back as a rollback looks."""
    oldest = head.number - KEPT_BLOCKS
    found = {log.block_number: (log.block_hash, log.timestamp) for log in logs if log.block_number >= oldest}
    found[head.number] = (head.hash, head.timestamp)
    session.exec(
        delete(tables.Block).where(or_(col(tables.Block.number) < oldest, col(tables.Block.number).in_(found)))
    )
    _insert(
        session,
        tables.Block,
        [{"number": number, "hash": block, "timestamp": at} for number, (block, at) in sorted(found.items())],
    )


def _insert(session: Session, table: type[tables.Row], values: list[dict[str, Any]]) -> None:
    """All at once: a row at a time takes ten times as long."""
    if values:
        session.connection().execute(insert(table), values)


def _roll_back(session: Session, to: Head | None) -> None:
    last = -1 if to is None else to.number
    session.exec(delete(tables.Log).where(col(tables.Log.block_number) > last))
    session.exec(delete(tables.Block).where(col(tables.Block.number) > last))
    cursor = session.exec(select(tables.Cursor)).one()
    cursor.number = None if to is None else to.number
    cursor.hash, cursor.timestamp = ("", 0) if to is None else (to.hash, to.timestamp)
    projection.clear(session)
    table = tables.Log
    counted = select(table).where(col(table.event).in_(projection.EVENTS))
    ordered = counted.order_by(col(table.block_number), col(table.log_index))
    for row in session.exec(ordered.execution_options(yield_per=_AT_ONCE)):
        projection.apply(session, rows.log_of(row))
        session.expunge(row)


def _logs(session: Session, event: str | None, about: str | None, contract: str | None = None) -> Sequence[tables.Log]:
    query = select(tables.Log).order_by(col(tables.Log.block_number), col(tables.Log.log_index))
    if event is not None:
        query = query.where(tables.Log.event == event)
    if about is not None:
        query = query.where(tables.Log.about == about)
    if contract is not None:
        query = query.where(tables.Log.contract == contract)
    return session.exec(query).all()


def _checkpoints(session: Session, trigger_id: Bytes32, sequence: int) -> Sequence[tables.Checkpoint]:
    table = tables.Checkpoint
    query = select(table).where(table.trigger_id == trigger_id, table.sequence == sequence)
    return session.exec(query.order_by(col(table.number))).all()
