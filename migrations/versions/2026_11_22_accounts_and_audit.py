"""Add disabled accounts, identities of OpenID providers, last use, rate limits, and the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Table, operation, and the published event: its kind, then the columns that identify the object.
_TOLD = [
    ("ingestion", "INSERT OR UPDATE OR DELETE", "'ingestion', 'namespace_id', 'id', 'doc_id'"),
    ("namespace", "DELETE OR UPDATE OF is_public, user_id", "'namespace', 'id'"),
    ("namespace_auth", "DELETE OR UPDATE", "'user', 'user_id'"),
    ("users", "UPDATE OF role", "'user', 'id'"),
    ("disabled_account", "INSERT", "'user', 'user_id'"),
    ("login_session", "DELETE OR UPDATE OF expires_at", "'user', 'user_id'"),
    ("api_token", "DELETE OR UPDATE OF expires_at, namespace_ids, max_level", "'user', 'user_id'"),
]


def upgrade() -> None:
    op.create_table(
        "disabled_account",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("disabled_at", sa.TIMESTAMP(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_disabled_account_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_disabled_account")),
    )
    op.create_table(
        "external_identity",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_external_identity_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_external_identity")),
    )
    op.create_index(op.f("ix_external_identity_user_id"), "external_identity", ["user_id"])
    op.add_column("login_session", sa.Column("last_used_at", sa.TIMESTAMP(), nullable=True))
    op.execute("UPDATE login_session SET last_used_at = created_at")
    op.alter_column("login_session", "last_used_at", nullable=False)
    op.add_column("login_session", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("login_session", sa.Column("user_agent", sa.Text(), nullable=True))
    op.add_column("api_token", sa.Column("last_used_at", sa.TIMESTAMP(), nullable=True))
    op.create_table(
        "rate_limit",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("free_at", sa.TIMESTAMP(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limit")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_rate_limit_free_at"), "rate_limit", ["free_at"])
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.TIMESTAMP(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"])
    op.create_index(op.f("ix_audit_event_actor_id"), "audit_event", ["actor_id"])
    op.execute(
        """
        CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only()
        """
    )
    op.create_table(
        "work_done",
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("outcome", name=op.f("pk_work_done")),
    )
    # Triggers also cover rows deleted by a cascade or by hand.
    op.execute(
        """
        CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            changed jsonb;
            news text := TG_ARGV[0];
        BEGIN
            IF TG_OP = 'DELETE' THEN changed := to_jsonb(OLD); ELSE changed := to_jsonb(NEW); END IF;
            FOR i IN 1 .. TG_NARGS - 1 LOOP
                news := news || ' ' || (changed ->> TG_ARGV[i]);
            END LOOP;
            PERFORM pg_notify('luma_change', news);
            RETURN NULL;
        END $$
        """
    )
    for table, events, news in _TOLD:
        op.execute(
            f"CREATE TRIGGER tell_change AFTER {events} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION tell_change({news})"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION tell_change CASCADE")
    op.drop_table("work_done")
    op.drop_table("audit_event")
    op.execute("DROP FUNCTION audit_event_is_append_only")
    op.drop_table("rate_limit")
    op.drop_column("api_token", "last_used_at")
    for column in ("user_agent", "address", "last_used_at"):
        op.drop_column("login_session", column)
    op.drop_table("external_identity")
    op.drop_table("disabled_account")
