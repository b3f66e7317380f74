"""Rename the column of the embedding profile to the term in use."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("embedding_model", "recipe", new_column_name="profile")


def downgrade() -> None:
    op.alter_column("embedding_model", "profile", new_column_name="recipe")
