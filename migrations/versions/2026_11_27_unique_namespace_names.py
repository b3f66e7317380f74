"""Names of namespaces are unique for their owner; older clashes get a number."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MAX_LENGTH = 255


def upgrade() -> None:
    connection = op.get_bind()
    # No other name may appear between the renaming and the index.
    connection.execute(sa.text("LOCK TABLE namespace IN SHARE ROW EXCLUSIVE MODE"))
    rows = connection.execute(
        sa.text(
            "SELECT id, user_id, name FROM namespace WHERE user_id IN "
            "(SELECT user_id FROM namespace GROUP BY user_id, name HAVING count(*) > 1) ORDER BY id"
        )
    ).all()
    taken = {(user_id, name) for _, user_id, name in rows}
    seen = set()
    for namespace_id, user_id, name in rows:
        if (user_id, name) not in seen:
            seen.add((user_id, name))
            continue
        free = _free_name(name, {other for owner, other in taken if owner == user_id})
        taken.add((user_id, free))
        connection.execute(
            sa.text("UPDATE namespace SET name = :name WHERE id = :id"), {"name": free, "id": namespace_id}
        )
    op.create_index("uq_namespace_user_id_name", "namespace", ["user_id", "name"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_namespace_user_id_name", "namespace")


def _free_name(name: str, taken: set[str]) -> str:
    number = 2
    while True:
        suffix = f" ({number})"
        candidate = name[: _MAX_LENGTH - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
        number += 1
