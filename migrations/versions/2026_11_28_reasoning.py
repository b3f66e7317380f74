"""What a model thought before it answered, and why an answer ends early."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turn", sa.Column("reasoning", sa.Text))
    op.add_column("turn", sa.Column("cut_off", sa.Text))
    op.create_check_constraint(op.f("ck_turn_cut_off"), "turn", "cut_off IN ('length', 'content_filter')")


def downgrade() -> None:
    op.drop_column("turn", "cut_off")
    op.drop_column("turn", "reasoning")
