"""Turns: each question with its answers, as a tree. Also pinned chats.

In older chats, an answer belongs to the last question before it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A question without an answer makes a turn too. All turns of a question follow the last turn before it.
_PAIR = """
WITH asked AS (
    SELECT id, chat_id, sender_type,
        max(id) FILTER (WHERE sender_type = 'user') OVER (PARTITION BY chat_id ORDER BY id) AS question_id
    FROM message
),
pairs AS (
    SELECT question.chat_id, question.id AS question_id, answer.id AS answer_id
    FROM asked question
    LEFT JOIN asked answer ON answer.question_id = question.id AND answer.sender_type = 'LLM'
    WHERE question.sender_type = 'user'
),
numbered AS (
    SELECT pairs.*, row_number() OVER (ORDER BY question_id, answer_id) AS id FROM pairs
)
INSERT INTO turn (id, chat_id, question_id, answer_id, follows_id, state, error)
SELECT id, chat_id, question_id, answer_id,
    max(id) OVER (
        PARTITION BY chat_id ORDER BY question_id RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ),
    CASE WHEN answer_id IS NULL THEN 'failed' ELSE 'complete' END,
    CASE WHEN answer_id IS NULL THEN CAST(:error AS jsonb) END
FROM numbered
ORDER BY id
"""
_UNANSWERED = (
    '{"type": "/problems#answer_interrupted", "code": "answer_interrupted", "title": "Answer interrupted", '
    '"status": 503, "detail": "This question was not answered. Regenerate the answer."}'
)


def upgrade() -> None:
    op.create_table(
        "pinned_chat",
        sa.Column("chat_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name=op.f("fk_pinned_chat_chat_id_chats"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_pinned_chat")),
    )
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.Integer(), nullable=False),
        sa.Column("follows_id", sa.Integer(), nullable=True),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=True),
        sa.Column("doc_ids", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("process", sa.Integer(), nullable=True),
        sa.Column("is_stopping", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'complete', 'stopped', 'failed')", name=op.f("ck_turn_state")
        ),
        sa.CheckConstraint("(state = 'running') = (process IS NOT NULL)", name=op.f("ck_turn_process")),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name=op.f("fk_turn_chat_id_chats"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["follows_id"], ["turn.id"], name=op.f("fk_turn_follows_id_turn"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["question_id"], ["message.id"], name=op.f("fk_turn_question_id_message"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["message.id"], name=op.f("fk_turn_answer_id_message"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
        sa.UniqueConstraint("answer_id", name=op.f("uq_turn_answer_id")),
    )
    op.get_bind().execute(sa.text(_PAIR), {"error": _UNANSWERED})
    op.execute("SELECT setval('turn_id_seq', max(id)) FROM turn HAVING max(id) IS NOT NULL")
    for column in ("chat_id", "follows_id", "question_id"):
        op.create_index(op.f(f"ix_turn_{column}"), "turn", [column])
    op.create_index(
        "uq_turn_running", "turn", ["chat_id"], unique=True, postgresql_where=sa.text("state = 'running'")
    )
    # The process that writes an answer learns that it must stop, and readers in others that it has ended.
    op.execute(
        "CREATE TRIGGER tell_change AFTER UPDATE OF state, is_stopping OR DELETE ON turn "
        "FOR EACH ROW EXECUTE FUNCTION tell_change('turn', 'id')"
    )


def downgrade() -> None:
    op.drop_table("turn")
    op.drop_table("pinned_chat")
