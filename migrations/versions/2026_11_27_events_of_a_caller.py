"""Announce what the event stream of a caller tells: namespaces, members, documents and chats."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The user is in the notification, so that the streams of others need not ask whose chat it is. A chat that is
# being deleted announces itself.
_TELL_CHAT = """
CREATE FUNCTION tell_chat() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_id integer;
    owner_id integer;
BEGIN
    IF TG_OP = 'DELETE' THEN changed_id := OLD.chat_id; ELSE changed_id := NEW.chat_id; END IF;
    SELECT user_id INTO owner_id FROM chats WHERE id = changed_id;
    IF FOUND THEN
        PERFORM pg_notify('luma_change', 'chat ' || changed_id || ' ' || owner_id);
    END IF;
    RETURN NULL;
END $$
"""
_WAS_PUBLIC = "WHEN (OLD.is_public AND NOT NEW.is_public)"
# Name, events, table, condition, and the notification: its kind, then the columns that identify the object.
_TRIGGERS = (
    ("tell_list", "INSERT OR UPDATE OF name, description", "namespace", "", "'namespaces', 'id'"),
    (
        "tell_members",
        "INSERT OR DELETE OR UPDATE",
        "namespace_auth",
        "",
        "'member', 'namespace_id', 'user_id'",
    ),
    ("tell_document", "INSERT OR UPDATE OF title, is_public, user_id", "document", "", "'document', 'id'"),
    ("tell_document", "INSERT OR DELETE OR UPDATE OF state", "ingestion", "", "'document', 'doc_id'"),
    # Those who can't read it any more have to be told without asking whether they can.
    ("tell_owner", "DELETE", "document", "", "'documents', 'user_id'"),
    ("tell_everyone", "UPDATE OF is_public", "document", _WAS_PUBLIC, "'documents'"),
    ("tell_everyone_gone", "DELETE", "document", "WHEN (OLD.is_public)", "'documents'"),
    ("tell_user", "INSERT OR DELETE OR UPDATE", "doc_user", "", "'documents', 'user_id'"),
    ("tell_chat", "INSERT OR DELETE", "chats", "", "'chat', 'id', 'user_id'"),
)
_OF_CHATS = (
    ("chat_title", "INSERT OR UPDATE"),
    ("pinned_chat", "INSERT OR DELETE"),
    ("turn", "INSERT OR UPDATE OF state"),
)


def upgrade() -> None:
    for name, events, table, condition, news in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} AFTER {events} ON {table} FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION tell_change({news})"
        )
    op.execute(_TELL_CHAT)
    for table, events in _OF_CHATS:
        op.execute(
            f"CREATE TRIGGER tell_chat AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION tell_chat()"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION tell_chat CASCADE")
    for name, _, table, _, _ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
