"""Keep the versions of documents, digests of what was embedded, and what was read of synchronized sources."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_version",
        sa.Column("doc_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.TIMESTAMP(), nullable=False),
        sa.Column("vectors_after", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_document_version_doc_id_document"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("doc_id", "number", name=op.f("pk_document_version")),
    )
    op.create_table(
        "chunk_digest",
        sa.Column("doc_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_chunk_digest_doc_id_document"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("doc_id", name=op.f("pk_chunk_digest")),
    )
    op.create_table(
        "sync_source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespace.id"],
            name=op.f("fk_sync_source_namespace_id_namespace"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sync_source_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_source")),
        sa.UniqueConstraint("namespace_id", "location", name=op.f("uq_sync_source_namespace_id_location")),
    )
    op.create_index(op.f("ix_sync_source_user_id"), "sync_source", ["user_id"])
    op.create_table(
        "sync_item",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("doc_id", sa.Integer(), nullable=True),
        sa.Column("is_made", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=True),
        sa.Column("reader", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sync_source.id"],
            name=op.f("fk_sync_item_source_id_sync_source"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_sync_item_doc_id_document"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("source_id", "path", name=op.f("pk_sync_item")),
    )
    op.create_index(op.f("ix_sync_item_doc_id"), "sync_item", ["doc_id"])


def downgrade() -> None:
    op.drop_table("sync_item")
    op.drop_table("sync_source")
    op.drop_table("chunk_digest")
    op.drop_table("document_version")
