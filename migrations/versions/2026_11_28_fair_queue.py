"""Fair order of the queue, documents that wait for recognition, and what is known of a worker."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    no = sa.text("false")
    op.add_column("ingestion", sa.Column("is_batch", sa.Boolean(), server_default=no, nullable=False))
    op.add_column(
        "ingestion", sa.Column("owner_id", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "ingestion", sa.Column("awaits_recognition", sa.Boolean(), server_default=no, nullable=False)
    )
    # Only what waits takes turns.
    op.execute(
        "UPDATE ingestion SET owner_id = document.user_id FROM document "
        "WHERE document.id = ingestion.doc_id AND state IN ('queued', 'running')"
    )
    op.drop_index("ix_ingestion_queue", "ingestion")
    op.create_index(
        "ix_ingestion_queue",
        "ingestion",
        ["awaits_recognition", "is_batch", "owner_id", "namespace_id", "next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.add_column("worker", sa.Column("host", sa.Text(), nullable=True))
    op.add_column("worker", sa.Column("process_id", sa.Integer(), nullable=True))
    op.add_column("worker", sa.Column("documents", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("worker", "documents")
    op.drop_column("worker", "process_id")
    op.drop_column("worker", "host")
    op.drop_index("ix_ingestion_queue", "ingestion")
    op.create_index(
        "ix_ingestion_queue",
        "ingestion",
        ["next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.drop_column("ingestion", "awaits_recognition")
    op.drop_column("ingestion", "owner_id")
    op.drop_column("ingestion", "is_batch")
