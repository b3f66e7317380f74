"""Time and method of authentication of a session, temporary passwords, second factors."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until now a session began with its password, unless the user had come from an OpenID provider.
    op.add_column("login_session", sa.Column("method", sa.Text(), nullable=True))
    op.add_column("login_session", sa.Column("authenticated_at", sa.TIMESTAMP(), nullable=True))
    op.execute("UPDATE login_session SET method = 'password', authenticated_at = created_at")
    op.alter_column("login_session", "method", nullable=False)
    op.create_check_constraint(
        op.f("ck_login_session_method"), "login_session", "method IN ('password', 'openid')"
    )
    op.create_table(
        "temporary_password",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.TIMESTAMP(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_temporary_password_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_temporary_password")),
    )
    op.create_table(
        "second_factor",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(), nullable=False),
        sa.Column("confirmed_at", sa.TIMESTAMP(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_second_factor_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["second_factor.user_id"],
            name=op.f("fk_recovery_code_user_id_second_factor"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_code")),
    )


def downgrade() -> None:
    op.drop_table("recovery_code")
    op.drop_table("second_factor")
    op.drop_table("temporary_password")
    op.drop_column("login_session", "authenticated_at")
    op.drop_column("login_session", "method")
