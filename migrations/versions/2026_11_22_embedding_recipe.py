"""Record how the vectors of a database were created."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Existing vectors were created without quantization.
    op.add_column("embedding_model", sa.Column("recipe", sa.Text(), server_default="float32", nullable=False))
    op.alter_column("embedding_model", "recipe", server_default=None)


def downgrade() -> None:
    op.drop_column("embedding_model", "recipe")
