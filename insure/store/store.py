"""The whole store: the mirror of the chain, and our own record of what we sent, offered, saw and ran."""

from collections.abc import Mapping

from sqlalchemy import and_, func, text
from sqlmodel import col, delete, select

from insure.errors import InvalidInput
from insure.records.mirror import (
    SETTLED,
    Fate,
    JobRecord,
    LeaseRecord,
    PricedOn,
    RecordedQuote,
    SentTransaction,
    Spending,
)
from insure.records.onchain import Address, Bytes32, Receipt, SignedObservation, SignedQuote
from insure.records.views import PoolSnapshot
from insure.store import costs, rows, tables
from insure.store.mirror import Mirror

# one statement, so that of two processes that ask at once one gets it
_TAKE_LEASE = text(
    "INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE leases.holder = excluded.holder OR leases.until <= :now"
)


class Store(Mirror):
    """`Store(url).create()` opens a database; every method is one transaction and safe to call from any thread."""

    def record_signed(self, sent: SentTransaction) -> bool:
        """Notes a transaction of ours before it is published; False for one that is noted, which stays as it is."""
        with self._writing() as session:
            new = session.get(tables.Transaction, sent.tx_hash) is None
            if new:
                session.add(rows.transaction_row(sent))
            return new

    def record_refused(self, tx_hash: str) -> None:
        """Forgets a transaction that no node ever took."""
        with self._writing() as session:
            session.exec(delete(tables.Transaction).where(col(tables.Transaction.tx_hash) == tx_hash))

    def record_fate(self, tx_hash: str, fate: Fate, receipt: Receipt | None) -> None:
        """Notes what has become of a noted transaction; what it cost is counted once, when it is final."""
        with self._writing() as session:
            row = session.get(tables.Transaction, tx_hash)
            if row is None or row.fate in SETTLED:
                return
            row.fate = fate
            row.block_number = row.gas_used = row.timestamp = row.fee = row.succeeded = None
            if receipt is not None:
                row.block_number, row.gas_used = receipt.block_number, receipt.gas_used
                row.timestamp, row.fee, row.succeeded = receipt.timestamp, receipt.fee, receipt.succeeded
                if fate is Fate.FINAL:
                    costs.count(session, row)

    def unsettled(self, sender: Address) -> list[SentTransaction]:
        """The sender's transactions whose fate may still change, by nonce."""
        table = tables.Transaction
        query = select(table).where(table.sender == sender, col(table.fate).not_in(SETTLED))
        with self._reading() as session:
            found = session.exec(query.order_by(col(table.nonce), col(table.tx_hash)))
            return [rows.transaction_of(row) for row in found]

    def senders(self) -> list[Address]:
        """Who has transactions whose fate may still change."""
        table = tables.Transaction
        query = select(table.sender).where(col(table.fate).not_in(SETTLED)).distinct().order_by(col(table.sender))
        with self._reading() as session:
            return list(session.exec(query))

    def transactions(self, kind: str | None = None) -> list[SentTransaction]:
        """Our transactions, oldest first by time of signing."""
        table = tables.Transaction
        query = select(table).order_by(col(table.signed_at), col(table.nonce), col(table.tx_hash))
        if kind is not None:
            query = query.where(table.kind == kind)
        with self._reading() as session:
            return [rows.transaction_of(row) for row in session.exec(query)]

    def spendings(self) -> list[Spending]:
        """What our final transactions have cost, by sender and kind."""
        table = tables.Spending
        with self._reading() as session:
            found = session.exec(select(table).order_by(col(table.sender), col(table.kind)))
            return [rows.spending_of(row) for row in found]

    def record_quote(
        self, signed: SignedQuote, breakdown: Mapping[str, object], at: int, priced_on: PricedOn | None = None
    ) -> None:
        """Notes an issued quote; raises `InvalidInput` if its underwriter has used the nonce before."""
        key = (signed.underwriter, signed.quote.nonce)
        with self._writing() as session:
            if session.get(tables.Quote, key) is not None:
                raise InvalidInput(f"nonce {key[1]} of underwriter {key[0]} is used: take another")
            session.add(rows.quote_row(signed, dict(breakdown), at, priced_on))

    def last_nonce(self, underwriter: Address) -> int:
        """The largest nonce of an underwriter's quotes, issued here or bought on the chain; 0 before the first."""
        quote, policy = tables.Quote, tables.Policy
        with self._reading() as session:
            issued = session.exec(select(func.max(quote.nonce)).where(quote.underwriter == underwriter)).one()
            bought = session.exec(select(func.max(policy.nonce)).where(policy.underwriter == underwriter)).one()
        return max(issued or 0, bought or 0)

    def quotes(self) -> list[RecordedQuote]:
        """The issued quotes, oldest first, each with the policy it became."""
        quote, policy = tables.Quote, tables.Policy
        bought = and_(col(policy.underwriter) == col(quote.underwriter), col(policy.nonce) == col(quote.nonce))
        query = (
            select(quote, policy.policy_id)
            .outerjoin(policy, bought)
            .order_by(col(quote.at), col(quote.underwriter), col(quote.nonce))
        )
        with self._reading() as session:
            return [rows.quote_of(row, policy_id) for row, policy_id in session.exec(query)]

    def record_observation(self, path: Address, signed: SignedObservation, at: int) -> None:
        """Keeps an observer's signed observation for a watcher path; the same one signed anew replaces it."""
        with self._writing() as session:
            session.merge(rows.observation_row(path, signed, at))

    def observations(self, path: Address, subject: Bytes32, now: int) -> list[SignedObservation]:
        """Each observer's newest observation of a subject that may still be reported, by ascending address.

        The newest is the one that reaches furthest; of two that reach as far, the one that saw the end.
        """
        table = tables.Observation
        query = (
            select(table)
            .where(table.path == path, table.subject == subject, table.deadline >= now)
            .order_by(col(table.until), col(table.ended), col(table.at))
        )
        with self._reading() as session:
            newest = {row.observer: rows.observation_of(row) for row in session.exec(query)}
        return [newest[observer] for observer in sorted(newest, key=lambda address: int(address, 16))]

    def record_snapshot(self, snapshot: PoolSnapshot) -> None:
        """Keeps the pool as it was at one moment; the same moment again replaces it."""
        fields = {name: getattr(snapshot, name) for name in tables.Snapshot.model_fields}
        with self._writing() as session:
            session.merge(tables.Snapshot(**fields))

    def snapshots(self, since: int = 0) -> list[PoolSnapshot]:
        """The pool over time, oldest first."""
        table = tables.Snapshot
        query = select(table).where(table.at >= since).order_by(col(table.at))
        with self._reading() as session:
            return [rows.snapshot_of(row) for row in session.exec(query)]

    def record_job(self, name: str, ok: bool, error: str, at: int) -> None:
        """Counts a run of a job; `error` is why it failed."""
        with self._writing() as session:
            row = session.get(tables.Job, name) or tables.Job(name=name, runs=0, failures=0, last_at=0)
            row.runs += 1
            row.failures += 0 if ok else 1
            row.last_at, row.last_error = at, "" if ok else error
            session.add(row)

    def jobs(self) -> list[JobRecord]:
        """How each job fared, by name."""
        with self._reading() as session:
            found = session.exec(select(tables.Job).order_by(col(tables.Job.name))).all()
            return [rows.job_of(row) for row in found]

    def take_lease(self, name: str, holder: str, now: int, seconds: int) -> LeaseRecord | None:
        """Gives `holder` the lease for so many seconds from `now`, or tells who has it and until when."""
        with self._writing() as session:
            session.connection().execute(
                _TAKE_LEASE, {"name": name, "holder": holder, "until": now + seconds, "now": now}
            )
            row = session.get_one(tables.Lease, name)
            return None if row.holder == holder else LeaseRecord(row.name, row.holder, row.until)

    def end_lease(self, name: str, holder: str) -> None:
        """Frees a lease if `holder` has it."""
        with self._writing() as session:
            row = session.get(tables.Lease, name)
            if row is not None and row.holder == holder:
                session.delete(row)
