"""Our transactions from before they are published, what became of them, and what they cost."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

_DIGITS = 78
_ZERO = "0" * _DIGITS
_WHEN_MINED = ("gas_used", "block_number", "timestamp")


def upgrade() -> None:
    """Makes the change; what was mined before is final, its fee unknown."""
    with op.batch_alter_table("transactions") as table:
        table.add_column(sa.Column("nonce", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("value", sa.String(_DIGITS), nullable=False, server_default=_ZERO))
        table.add_column(sa.Column("signed_at", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("fate", sa.String(), nullable=False, server_default="final"))
        table.add_column(sa.Column("fee", sa.String(_DIGITS), nullable=True))
        table.add_column(sa.Column("succeeded", sa.Boolean(), nullable=True))
        for name in _WHEN_MINED:
            table.alter_column(name, existing_type=sa.BigInteger(), nullable=True)
    op.execute("UPDATE transactions SET signed_at = timestamp, succeeded = true")
    with op.batch_alter_table("transactions") as table:
        for name in ("nonce", "value", "signed_at", "fate"):
            table.alter_column(name, server_default=None)
        table.create_index("transactions_by_fate", ["sender", "fate"])
    op.create_table(
        "spendings",
        sa.Column("sender", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("transactions", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("gas_used", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.String(_DIGITS), nullable=False),
        sa.Column("value", sa.String(_DIGITS), nullable=False),
    )


def downgrade() -> None:
    """Takes it back; what was never mined is forgotten."""
    op.drop_table("spendings")
    op.execute("DELETE FROM transactions WHERE block_number IS NULL")
    with op.batch_alter_table("transactions") as table:
        table.drop_index("transactions_by_fate")
        for name in ("nonce", "value", "signed_at", "fate", "fee", "succeeded"):
            table.drop_column(name)
        for name in _WHEN_MINED:
            table.alter_column(name, existing_type=sa.BigInteger(), nullable=False)
