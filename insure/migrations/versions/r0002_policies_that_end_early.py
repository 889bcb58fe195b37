"""What policies exclude, whether they were cancelled or renewed, and the spans that an incident's time consists of."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the change; what is mirrored already excludes nothing, was never cancelled or renewed."""
    with op.batch_alter_table("policies") as policies:
        policies.add_column(sa.Column("cancelled", sa.Boolean(), nullable=False, server_default=sa.false()))
        policies.add_column(sa.Column("renewed", sa.Boolean(), nullable=False, server_default=sa.false()))
        policies.add_column(sa.Column("exclusions", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("spans", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("incidents") as incidents:
        incidents.drop_column("spans")
    with op.batch_alter_table("policies") as policies:
        policies.drop_column("exclusions")
        policies.drop_column("renewed")
        policies.drop_column("cancelled")
