"""Fair order of the queue, documents that wait for recognition, workers, and lists of large namespaces."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
_SIZE = "((file_metadata ->> 'size')::bigint)"
_PAGES = "((file_metadata ->> 'pages')::integer)"


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
    # For the lists of large namespaces.
    op.create_index(
        "ix_ingestion_unready",
        "ingestion",
        ["namespace_id", "doc_id"],
        postgresql_where=sa.text("state <> 'ready'"),
    )
    op.create_index("ix_placement_list", "placement", ["namespace_id", "placed_at", "doc_id"])
    op.create_index("ix_document_title", "document", [sa.text("lower(title)"), "id"])
    op.create_index("ix_document_size", "document", [sa.text(_SIZE), "id"])
    op.create_index("ix_document_pages", "document", [sa.text(_PAGES), "id"])
    op.create_index(
        "ix_document_pages_descending",
        "document",
        [sa.text(f"{_PAGES} DESC NULLS LAST"), sa.text("id DESC")],
    )
    op.add_column("worker", sa.Column("host", sa.Text(), nullable=True))
    op.add_column("worker", sa.Column("process_id", sa.Integer(), nullable=True))
    op.add_column("worker", sa.Column("documents", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("worker", "documents")
    op.drop_column("worker", "process_id")
    op.drop_column("worker", "host")
    for name in ("pages_descending", "pages", "size", "title"):
        op.drop_index(f"ix_document_{name}", "document")
    op.drop_index("ix_placement_list", "placement")
    op.drop_index("ix_ingestion_unready", "ingestion")
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
