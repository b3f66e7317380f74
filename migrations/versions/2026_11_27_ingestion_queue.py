"""Ingestions that wait for another attempt, an index in the order of the queue, and the id of the files."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ingestion", sa.Column("deferrals", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "ingestion",
        sa.Column("next_attempt_at", sa.TIMESTAMP(), server_default=sa.text("now()"), nullable=False),
    )
    op.drop_constraint("ck_ingestion_error", "ingestion")
    op.create_check_constraint(
        op.f("ck_ingestion_error"),
        "ingestion",
        "CASE state WHEN 'failed' THEN error IS NOT NULL WHEN 'queued' THEN true ELSE error IS NULL END",
    )
    op.drop_index("ix_ingestion_state", "ingestion")
    op.create_index(
        "ix_ingestion_queue",
        "ingestion",
        ["next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_ingestion_running", "ingestion", ["doc_id"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.create_table(
        "file_store",
        sa.Column("id", sa.Integer(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_file_store_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_store")),
    )


def downgrade() -> None:
    op.drop_table("file_store")
    op.drop_table("worker")
    op.drop_index("ix_ingestion_running", "ingestion")
    op.drop_index("ix_ingestion_queue", "ingestion")
    op.create_index(
        "ix_ingestion_state",
        "ingestion",
        ["state", "id"],
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.execute("UPDATE ingestion SET error = NULL WHERE state = 'queued'")
    op.drop_constraint("ck_ingestion_error", "ingestion")
    op.create_check_constraint(
        op.f("ck_ingestion_error"), "ingestion", "(state = 'failed') = (error IS NOT NULL)"
    )
    op.drop_column("ingestion", "next_attempt_at")
    op.drop_column("ingestion", "deferrals")
