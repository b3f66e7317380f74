"""Record who put each document into each namespace, and end a placement with that user's right.

Older placements are attributed by the audit trail to the user who added the document last. If it names
nobody, or an account that no longer exists, they are attributed to the owner of the document, who can now see
and end them. If it names a user whose right to the document has ended since, the document leaves the
namespace now, and the audit trail records it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BACKFILL = """
INSERT INTO placement (doc_id, namespace_id, user_id, placed_at)
SELECT d.id, held.namespace_id, coalesce(u.id, d.user_id), added.at
FROM (
    SELECT doc_id, namespace_id FROM namespace_doc UNION SELECT doc_id, namespace_id FROM ingestion
) held
JOIN document d ON d.id = held.doc_id
LEFT JOIN (
    SELECT DISTINCT ON (about -> 'doc_id', about -> 'namespace_id')
        about -> 'doc_id' AS doc_id, about -> 'namespace_id' AS namespace_id, actor_id, at
    FROM audit_event WHERE action = 'namespace.document-added'
    ORDER BY about -> 'doc_id', about -> 'namespace_id', id DESC
) added ON added.doc_id = to_jsonb(held.doc_id) AND added.namespace_id = to_jsonb(held.namespace_id)
LEFT JOIN users u ON u.id = added.actor_id
"""
# The rule of `luma_rag.documents.namespace_documents.add`, for as long as the document stays.
_STANDS = """
CREATE FUNCTION placement_stands(of_document integer, by_user integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM document d JOIN users u ON u.id = by_user
        WHERE d.id = of_document AND (
            d.is_public OR d.user_id = u.id OR u.role = 'admin' OR EXISTS (
                SELECT FROM doc_user g
                WHERE g.doc_id = d.id AND g.user_id = u.id AND g.permission = 'write')))
$$
"""
_END = """
CREATE FUNCTION end_placements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'document' THEN
        DELETE FROM placement WHERE doc_id = OLD.id AND NOT placement_stands(doc_id, user_id);
    ELSIF TG_TABLE_NAME = 'doc_user' THEN
        DELETE FROM placement
         WHERE doc_id = OLD.doc_id AND user_id = OLD.user_id AND NOT placement_stands(doc_id, user_id);
    ELSIF TG_OP = 'UPDATE' THEN
        DELETE FROM placement WHERE user_id = OLD.id AND NOT placement_stands(doc_id, user_id);
    ELSE
        DELETE FROM placement WHERE user_id = OLD.id;
    END IF;
    RETURN OLD;
END $$
"""
_LIVE = """
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
"""
_IS_GONE = f"""
CREATE FUNCTION placement_is_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Foreign keys remove the rest of a deleted document or namespace: `live` are those that still exist.
    -- A worker that is storing the document holds its ingestion: it either finishes first or finds no work.
    PERFORM FROM ingestion i JOIN {_LIVE} USING (doc_id, namespace_id) ORDER BY i.id FOR UPDATE OF i;
    DELETE FROM ingestion i USING {_LIVE}
     WHERE i.doc_id = live.doc_id AND i.namespace_id = live.namespace_id;
    DELETE FROM lexical_member m USING {_LIVE}
     WHERE m.doc_id = live.doc_id AND m.namespace_id = live.namespace_id;
    DELETE FROM chunk_vector c USING {_LIVE}
     WHERE c.doc_id = live.doc_id AND c.namespace_id = live.namespace_id;
    DELETE FROM namespace_doc h USING {_LIVE}
     WHERE h.doc_id = live.doc_id AND h.namespace_id = live.namespace_id;
    INSERT INTO audit_event (at, action, actor_id, actor, about, request_id, address)
    SELECT clock_timestamp() AT TIME ZONE 'UTC', 'namespace.document-removed', acting.id, u.username,
           jsonb_build_object('namespace_id', live.namespace_id, 'doc_id', live.doc_id),
           nullif(current_setting('luma.request_id', true), ''),
           nullif(current_setting('luma.address', true), '')
    FROM {_LIVE}
    CROSS JOIN (SELECT nullif(current_setting('luma.actor_id', true), '')::integer AS id) acting
    LEFT JOIN users u ON u.id = acting.id
    ORDER BY live.doc_id, live.namespace_id;
    RETURN NULL;
END $$
"""  # noqa: S608 - of constants only
_TRIGGERS = (
    "is_gone AFTER DELETE ON placement REFERENCING OLD TABLE AS gone "
    "FOR EACH STATEMENT EXECUTE FUNCTION placement_is_gone()",
    "end_placements AFTER UPDATE OF is_public, user_id ON document FOR EACH ROW "
    "WHEN ((OLD.is_public AND NOT NEW.is_public) OR OLD.user_id <> NEW.user_id) "
    "EXECUTE FUNCTION end_placements()",
    "end_placements AFTER UPDATE OR DELETE ON doc_user FOR EACH ROW WHEN (OLD.permission = 'write') "
    "EXECUTE FUNCTION end_placements()",
    "end_placements AFTER UPDATE OF role ON users FOR EACH ROW "
    "WHEN (OLD.role = 'admin' AND NEW.role <> 'admin') EXECUTE FUNCTION end_placements()",
    # Before the row's references are checked.
    "end_all_placements BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION end_placements()",
)


def upgrade() -> None:
    op.create_table(
        "placement",
        sa.Column("doc_id", sa.Integer(), nullable=False),
        sa.Column("namespace_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.TIMESTAMP(), nullable=True),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_placement_doc_id_document"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespace.id"],
            name=op.f("fk_placement_namespace_id_namespace"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_placement_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("doc_id", "namespace_id", name=op.f("pk_placement")),
    )
    op.execute(_BACKFILL)
    op.create_index(op.f("ix_placement_namespace_id"), "placement", ["namespace_id"])
    op.create_index(op.f("ix_placement_user_id"), "placement", ["user_id"])
    for function in (_STANDS, _END, _IS_GONE):
        op.execute(function)
    for trigger in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {trigger}")
    op.execute("DELETE FROM placement WHERE NOT placement_stands(doc_id, user_id)")


def downgrade() -> None:
    op.drop_table("placement")
    for function in ("end_placements", "placement_is_gone", "placement_stands"):
        op.execute(f"DROP FUNCTION {function} CASCADE")
