"""Order the chunks of a term by weight, so that a search can skip the lowest."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        UPDATE lexical_posting p SET (vectors, weights) = (
            SELECT array_agg(u.vector ORDER BY u.weight, u.vector),
                   array_agg(u.weight ORDER BY u.weight, u.vector)
            FROM unnest(p.vectors, p.weights) AS u (vector, weight))
        WHERE chunks > 1
        """
    )


def downgrade() -> None:
    """No change: code that reads them in any order can read this one."""
