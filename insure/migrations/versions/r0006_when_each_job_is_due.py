"""When each job of the timetable is due next; of databases from before, the first start tells it from the last runs."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the change."""
    op.create_table(
        "timetable",
        sa.Column("id", sa.Unicode(191), primary_key=True),
        sa.Column("next_run_time", sa.Float(25), nullable=True),
        sa.Column("job_state", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_timetable_next_run_time", "timetable", ["next_run_time"])


def downgrade() -> None:
    """Takes it back."""
    op.drop_index("ix_timetable_next_run_time", "timetable")
    op.drop_table("timetable")
