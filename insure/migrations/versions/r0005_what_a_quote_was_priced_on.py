"""What a quote was priced on beside its terms: of quotes from before, nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the change."""
    with op.batch_alter_table("quotes") as table:
        table.add_column(sa.Column("priced_on", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("quotes") as table:
        table.drop_column("priced_on")
