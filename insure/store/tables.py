"""The tables of the mirror.

Rows of `Log` are the facts; `Block` and `Cursor` say how far and on which branch they were read. `Trigger` to
`Failover` are computed from the logs alone (`projection`) and can be rebuilt at any time. The rest is our own record.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Dialect, Float, Index, LargeBinary, MetaData, String, Unicode
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

AMOUNT_DIGITS = 78  # as many as 2**256 - 1 has


class Amount(TypeDecorator[int]):
    """An unsigned integer of up to 256 bits as zero-padded text, so that text order is number order."""

    impl = String(AMOUNT_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """To text; raises `ValueError` for what is no amount."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**256:
            raise ValueError(f"amount {value!r} must be an int of [0, 2**256)")
        return f"{value:0{AMOUNT_DIGITS}d}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        """From text."""
        return None if value is None else int(value)


class Row(SQLModel):
    """Base of all tables; their metadata is apart from that of any application that embeds the engine."""

    metadata = MetaData()


def _int(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def _amount(**options: Any) -> Any:
    return Field(sa_type=Amount, **options)


def _json(**options: Any) -> Any:
    return Field(sa_type=JSON, **options)


class Cursor(Row, table=True):
    """How far the one installation that this database mirrors was read: the last block taken in whole."""

    __tablename__ = "cursors"
    installation: str = Field(primary_key=True)
    contracts: str
    number: int | None = _int(default=None, nullable=True)
    hash: str = ""
    timestamp: int = _int(default=0)


class Block(Row, table=True):
    """A block that logs or cursors came from: the branch the mirror is on."""

    __tablename__ = "blocks"
    number: int = _int(primary_key=True)
    hash: str
    timestamp: int = _int()


class Log(Row, table=True):
    """A decoded event; `about` is its first argument as text (a trigger, policy or subject), to find it by."""

    __tablename__ = "logs"
    __table_args__ = (Index("logs_by_event", "event", "about"), Index("logs_in_order", "block_number", "log_index"))
    chain_id: int = _int(primary_key=True)
    tx_hash: str = Field(primary_key=True)
    log_index: int = _int(primary_key=True)
    block_number: int = _int()
    block_hash: str
    timestamp: int = _int()
    address: str
    contract: str
    event: str
    about: str
    args: dict[str, Any] = _json()


class Trigger(Row, table=True):
    """A trigger that was created; `listing` holds its listing's fields once there is one."""

    __tablename__ = "triggers"
    trigger_id: str = Field(primary_key=True)
    subject_id: str = Field(index=True)
    subject_key: str
    quorum: int = _int()
    families: int = _int()
    created_at: int = _int()
    listing: dict[str, Any] | None = _json(default=None, nullable=True)


class Policy(Row, table=True):
    """A policy that was bought."""

    __tablename__ = "policies"
    policy_id: int = _int(primary_key=True)
    holder: str = Field(index=True)
    trigger_id: str = Field(index=True)
    waiting_seconds: int = _int()
    semantics: str
    rate_per_second: int = _amount()
    failover_benefit: int = _amount()
    incident_limit: int = _amount()
    aggregate_limit: int = _amount()
    start: int = _int()
    end: int = _int()
    standby: str
    premium: int = _amount()
    owed: int = _amount(default=0)
    paid: int = _amount(default=0)
    released: bool = False
    cancelled: bool = False
    renewed: bool = False
    exclusions: list[Any] = _json()
    underwriter: str
    nonce: int = _amount()
    bought_at: int = _int()


class Incident(Row, table=True):
    """An incident, as far as its logs go."""

    __tablename__ = "incidents"
    trigger_id: str = Field(primary_key=True)
    sequence: int = _int(primary_key=True)
    start: int = _int(default=0)
    until: int = _int(default=0)
    covered_seconds: int = _int(default=0)
    proposed_at: int = _int()
    final_at: int = _int(default=0)
    delayed_until: int = _int(default=0)
    checkpoints: int = _int(default=0)
    spans: list[Any] = _json(default=[])


class Checkpoint(Row, table=True):
    """A checkpoint with the spans that were proposed."""

    __tablename__ = "checkpoints"
    trigger_id: str = Field(primary_key=True)
    sequence: int = _int(primary_key=True)
    number: int = _int(primary_key=True)
    proposed_at: int = _int()
    covered_seconds: int = _int()
    ready_at: int = _int()
    spans: list[Any] = _json()


class Claim(Row, table=True):
    """What a policy was owed for an incident at its last claim, what was sent of it and what is still debt."""

    __tablename__ = "claims"
    policy_id: int = _int(primary_key=True)
    sequence: int = _int(primary_key=True)
    trigger_id: str = Field(index=True)
    owed: int = _amount()
    paid: int = _amount()
    debt: int = _amount()
    last_at: int = _int()


class Payment(Row, table=True):
    """One claim's or one debt payment's part for one incident."""

    __tablename__ = "payments"
    tx_hash: str = Field(primary_key=True)
    log_index: int = _int(primary_key=True)
    sequence: int = _int(primary_key=True)
    policy_id: int = _int(index=True)
    trigger_id: str = Field(index=True)
    receiver: str
    paid: int = _amount()
    debt: int = _amount()
    at: int = _int()


class Failover(Row, table=True):
    """The last recorded failover of a policy for an incident."""

    __tablename__ = "failovers"
    policy_id: int = _int(primary_key=True)
    sequence: int = _int(primary_key=True)
    activated_at: int = _int()


PROJECTED: tuple[type[Row], ...] = (Trigger, Policy, Incident, Checkpoint, Claim, Payment, Failover)
"""The tables that follow from the logs."""


class Transaction(Row, table=True):
    """A transaction of ours, from before it was published on; the last five are known once it is mined."""

    __tablename__ = "transactions"
    __table_args__ = (Index("transactions_by_fate", "sender", "fate"),)
    tx_hash: str = Field(primary_key=True)
    kind: str
    sender: str
    nonce: int = _int()
    value: int = _amount()
    signed_at: int = _int()
    fate: str
    gas_used: int | None = _int(default=None, nullable=True)
    block_number: int | None = _int(default=None, nullable=True)
    timestamp: int | None = _int(default=None, nullable=True)
    fee: int | None = _amount(default=None, nullable=True)
    succeeded: bool | None = Field(default=None, nullable=True)


class Spending(Row, table=True):
    """What our final transactions have cost, by sender and kind."""

    __tablename__ = "spendings"
    sender: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    transactions: int = _int(default=0)
    failures: int = _int(default=0)
    gas_used: int = _int(default=0)
    fees: int = _amount(default=0)
    value: int = _amount(default=0)


class Quote(Row, table=True):
    """A quote that was signed; `fields` are those of the quote, `priced_on` of what it was priced on, if known."""

    __tablename__ = "quotes"
    underwriter: str = Field(primary_key=True)
    nonce: int = _amount(primary_key=True)
    at: int = _int()
    fields: dict[str, Any] = _json()
    signature: str
    breakdown: dict[str, Any] = _json()
    priced_on: dict[str, Any] | None = _json(default=None, nullable=True)


class Observation(Row, table=True):
    """An observation that one observer signed for a watcher path."""

    __tablename__ = "observations"
    path: str = Field(primary_key=True)
    observer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    start: int = _int(primary_key=True)
    until: int = _int(primary_key=True)
    ended: bool = Field(primary_key=True)
    deadline: int = _int()
    signature: str
    at: int = _int()


class Snapshot(Row, table=True):
    """The pool at one moment."""

    __tablename__ = "snapshots"
    at: int = _int(primary_key=True)
    assets: int = _amount()
    reserve: int = _amount()
    exposed: int = _amount()
    share_price_e18: int = _amount()


class Job(Row, table=True):
    """How a job fares, over all starts."""

    __tablename__ = "jobs"
    name: str = Field(primary_key=True)
    runs: int = _int(default=0)
    failures: int = _int(default=0)
    last_at: int = _int(default=0)
    last_error: str = ""


class TimetableEntry(Row, table=True):
    """When a job is due next: the table that APScheduler's `SQLAlchemyJobStore` declares, column by column."""

    __tablename__ = "timetable"
    id: str = Field(sa_column=Column(Unicode(191), primary_key=True))
    next_run_time: float | None = Field(sa_column=Column(Float(25), index=True))
    job_state: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Lease(Row, table=True):
    """A right that one process at a time has, such as to send with a key."""

    __tablename__ = "leases"
    name: str = Field(primary_key=True)
    holder: str
    until: int = _int()
