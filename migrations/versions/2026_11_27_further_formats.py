"""Documents may be of further types, which are those of `ingest.parsers.formats`."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_document_type"), "document", type_="check")


def downgrade() -> None:
    # Older versions can't read documents of other types, but keep them.
    op.execute(
        "ALTER TABLE document ADD CONSTRAINT ck_document_type CHECK (type IN ('pdf', 'docx')) NOT VALID"
    )
