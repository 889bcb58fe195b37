"""The first tables: the mirror, and our own record."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the change."""
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("covered_seconds", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("trigger_id", "sequence", "number"),
    )
    op.create_table(
        "claims",
        sa.Column("policy_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("owed", sa.String(78), nullable=False),
        sa.Column("paid", sa.String(78), nullable=False),
        sa.Column("debt", sa.String(78), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "sequence"),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_trigger_id"), ["trigger_id"], unique=False)

    op.create_table(
        "cursors",
        sa.Column("installation", sa.String(), nullable=False),
        sa.Column("contracts", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("installation"),
    )
    op.create_table(
        "failovers",
        sa.Column("policy_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("activated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "sequence"),
    )
    op.create_table(
        "incidents",
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("covered_seconds", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("final_at", sa.BigInteger(), nullable=False),
        sa.Column("delayed_until", sa.BigInteger(), nullable=False),
        sa.Column("checkpoints", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trigger_id", "sequence"),
    )
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "logs",
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.String(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "tx_hash", "log_index"),
    )
    with op.batch_alter_table("logs", schema=None) as batch_op:
        batch_op.create_index("logs_by_event", ["event", "about"], unique=False)
        batch_op.create_index("logs_in_order", ["block_number", "log_index"], unique=False)

    op.create_table(
        "observations",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("observer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path", "observer", "subject", "start", "until", "ended"),
    )
    op.create_table(
        "payments",
        sa.Column("tx_hash", sa.String(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("policy_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("paid", sa.String(78), nullable=False),
        sa.Column("debt", sa.String(78), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash", "log_index", "sequence"),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payments_policy_id"), ["policy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payments_trigger_id"), ["trigger_id"], unique=False)

    op.create_table(
        "policies",
        sa.Column("policy_id", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("waiting_seconds", sa.BigInteger(), nullable=False),
        sa.Column("semantics", sa.String(), nullable=False),
        sa.Column("rate_per_second", sa.String(78), nullable=False),
        sa.Column("failover_benefit", sa.String(78), nullable=False),
        sa.Column("incident_limit", sa.String(78), nullable=False),
        sa.Column("aggregate_limit", sa.String(78), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("standby", sa.String(), nullable=False),
        sa.Column("premium", sa.String(78), nullable=False),
        sa.Column("owed", sa.String(78), nullable=False),
        sa.Column("paid", sa.String(78), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("underwriter", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(78), nullable=False),
        sa.Column("bought_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id"),
    )
    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_policies_holder"), ["holder"], unique=False)
        batch_op.create_index(batch_op.f("ix_policies_trigger_id"), ["trigger_id"], unique=False)

    op.create_table(
        "quotes",
        sa.Column("underwriter", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(78), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("breakdown", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("underwriter", "nonce"),
    )
    op.create_table(
        "snapshots",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("assets", sa.String(78), nullable=False),
        sa.Column("reserve", sa.String(78), nullable=False),
        sa.Column("exposed", sa.String(78), nullable=False),
        sa.Column("share_price_e18", sa.String(78), nullable=False),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "transactions",
        sa.Column("tx_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("gas_used", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash"),
    )
    op.create_table(
        "triggers",
        sa.Column("trigger_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("subject_key", sa.String(), nullable=False),
        sa.Column("quorum", sa.BigInteger(), nullable=False),
        sa.Column("families", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("listing", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("trigger_id"),
    )
    with op.batch_alter_table("triggers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_triggers_subject_id"), ["subject_id"], unique=False)


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("triggers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_triggers_subject_id"))

    op.drop_table("triggers")
    op.drop_table("transactions")
    op.drop_table("snapshots")
    op.drop_table("quotes")
    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_policies_trigger_id"))
        batch_op.drop_index(batch_op.f("ix_policies_holder"))

    op.drop_table("policies")
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payments_trigger_id"))
        batch_op.drop_index(batch_op.f("ix_payments_policy_id"))

    op.drop_table("payments")
    op.drop_table("observations")
    with op.batch_alter_table("logs", schema=None) as batch_op:
        batch_op.drop_index("logs_in_order")
        batch_op.drop_index("logs_by_event")

    op.drop_table("logs")
    op.drop_table("jobs")
    op.drop_table("incidents")
    op.drop_table("failovers")
    op.drop_table("cursors")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claims_trigger_id"))

    op.drop_table("claims")
    op.drop_table("checkpoints")
    op.drop_table("blocks")
