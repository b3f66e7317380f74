"""Record documents that are to be read again by a newer version."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reread",
        sa.Column("doc_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("requested_at", sa.TIMESTAMP(), server_default=sa.text("now()"), nullable=False),
        sa.Column("is_queued", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_reread_doc_id_document"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("doc_id", name=op.f("pk_reread")),
    )


def downgrade() -> None:
    op.drop_table("reread")
