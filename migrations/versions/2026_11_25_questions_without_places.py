"""Delete an evaluation question with the last document that contains its answer."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "DELETE FROM evaluation_question q "
        "WHERE NOT EXISTS (SELECT FROM evaluation_place p WHERE p.question_id = q.id)"
    )
    # Triggers, because documents are deleted in several ways, and places by cascade from each of them. If two
    # documents that hold the last two places of a question are deleted concurrently, each transaction still
    # sees the other's place. So deleting a document locks its questions before its places, in the same order
    # as deleting a question.
    op.execute(
        """
        CREATE FUNCTION lock_questions_of_document() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM evaluation_question
            WHERE id IN (SELECT question_id FROM evaluation_place WHERE doc_id = OLD.id)
            ORDER BY id FOR UPDATE;
            RETURN OLD;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER lock_questions BEFORE DELETE ON document "
        "FOR EACH ROW EXECUTE FUNCTION lock_questions_of_document()"
    )
    op.execute(
        """
        CREATE FUNCTION evaluation_places_are_gone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM evaluation_question q
            WHERE id IN (SELECT question_id FROM gone)
            AND NOT EXISTS (SELECT FROM evaluation_place p WHERE p.question_id = q.id);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER is_gone AFTER DELETE ON evaluation_place REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION evaluation_places_are_gone()"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION evaluation_places_are_gone CASCADE")
    op.execute("DROP FUNCTION lock_questions_of_document CASCADE")
