"""Add lexical search: terms, their weights, and a trigger that removes them with their document."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FORGET = """
CREATE FUNCTION lexical_member_is_gone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept integer;
BEGIN
    IF NOT EXISTS (SELECT FROM namespace WHERE id = OLD.namespace_id) THEN
        RETURN NULL;  -- All of it goes, without being sorted out.
    END IF;
    -- Those who take documents out of one segment wait for each other here, before they touch its postings.
    UPDATE lexical_segment
       SET chunks = chunks - cardinality(OLD.vectors), length = lexical_segment.length - OLD.length
     WHERE id = OLD.segment_id
    RETURNING chunks INTO kept;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF kept = 0 THEN
        DELETE FROM lexical_segment WHERE id = OLD.segment_id;
        RETURN NULL;
    END IF;
    UPDATE lexical_posting p SET (chunks, vectors, weights) = (
        SELECT count(*), coalesce(array_agg(u.vector ORDER BY u.n), '{}'),
               coalesce(array_agg(u.weight ORDER BY u.n), '{}')
        FROM unnest(p.vectors, p.weights) WITH ORDINALITY AS u (vector, weight, n)
        WHERE u.vector <> ALL (OLD.vectors))
     WHERE p.namespace_id = OLD.namespace_id AND p.term = ANY (OLD.terms) AND p.segment_id = OLD.segment_id;
    DELETE FROM lexical_posting p
     WHERE p.namespace_id = OLD.namespace_id AND p.term = ANY (OLD.terms) AND p.segment_id = OLD.segment_id
       AND p.chunks = 0;
    UPDATE lexical_segment SET languages = (
        SELECT coalesce(array_agg(DISTINCT d.language), '{}')
        FROM lexical_member m JOIN lexical_document d USING (doc_id) WHERE m.segment_id = OLD.segment_id)
     WHERE id = OLD.segment_id;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "lexical_document",
        sa.Column("doc_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_lexical_document_doc_id_document"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("doc_id", name=op.f("pk_lexical_document")),
    )
    op.create_table(
        "lexical_chunk",
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("frequencies", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunk.id"], name=op.f("fk_lexical_chunk_chunk_id_chunk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chunk_id", name=op.f("pk_lexical_chunk")),
    )
    op.create_table(
        "lexical_segment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("namespace_id", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("mean_length", sa.REAL(), nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespace.id"],
            name=op.f("fk_lexical_segment_namespace_id_namespace"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lexical_segment")),
    )
    op.create_index(op.f("ix_lexical_segment_namespace_id"), "lexical_segment", ["namespace_id"])
    op.create_table(
        "lexical_member",
        sa.Column("doc_id", sa.Integer(), nullable=False),
        sa.Column("namespace_id", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("vectors", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("terms", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["doc_id"], ["document.id"], name=op.f("fk_lexical_member_doc_id_document"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespace.id"],
            name=op.f("fk_lexical_member_namespace_id_namespace"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["lexical_segment.id"],
            name=op.f("fk_lexical_member_segment_id_lexical_segment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("doc_id", "namespace_id", name=op.f("pk_lexical_member")),
    )
    op.create_index(op.f("ix_lexical_member_namespace_id"), "lexical_member", ["namespace_id"])
    op.create_index(op.f("ix_lexical_member_segment_id"), "lexical_member", ["segment_id"])
    op.create_table(
        "lexical_vector",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("weights", SPARSEVEC(1_000_000_000), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["chunk_vector.id"], name=op.f("fk_lexical_vector_id_chunk_vector"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lexical_vector")),
    )
    op.create_table(
        "lexical_posting",
        sa.Column("namespace_id", sa.Integer(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("weights", sa.ARRAY(postgresql.REAL()), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["namespace.id"],
            name=op.f("fk_lexical_posting_namespace_id_namespace"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["lexical_segment.id"],
            name=op.f("fk_lexical_posting_segment_id_lexical_segment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "namespace_id",
            "term",
            "segment_id",
            name=op.f("pk_lexical_posting"),
            postgresql_include=["chunks"],
        ),
    )
    op.create_index(op.f("ix_lexical_posting_segment_id"), "lexical_posting", ["segment_id"])
    # Stored in the row if there is room, and never compressed, because either would slow down every search.
    op.execute("ALTER TABLE lexical_vector ALTER COLUMN weights SET STORAGE MAIN")
    op.execute("ALTER TABLE lexical_posting ALTER COLUMN vectors SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE lexical_posting ALTER COLUMN weights SET STORAGE EXTERNAL")
    for table in ("lexical_posting", "lexical_vector"):
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_insert_scale_factor = 0.02)")
    op.execute(_FORGET)
    op.execute(
        "CREATE TRIGGER is_gone AFTER DELETE ON lexical_member "
        "FOR EACH ROW EXECUTE FUNCTION lexical_member_is_gone()"
    )


def downgrade() -> None:
    op.drop_table("lexical_posting")
    op.drop_table("lexical_vector")
    op.drop_table("lexical_member")
    op.drop_table("lexical_segment")
    op.drop_table("lexical_chunk")
    op.drop_table("lexical_document")
    op.execute("DROP FUNCTION lexical_member_is_gone")
