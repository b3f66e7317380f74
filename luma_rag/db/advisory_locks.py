"""Advisory locks that show which processes are connected. Postgres releases them with the connection."""

from sqlalchemy import Integer, Select, literal_column, select, text


def held_ids(lock_class: int) -> Select[int]:
    """The second keys of all granted advisory locks of a class, in this database."""
    return (
        select(literal_column("objid::bigint", Integer).label("objid"))
        .select_from(text("pg_locks"))
        .where(
            text(
                "locktype = 'advisory' AND objsubid = 2 AND granted AND classid = :class "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).bindparams(**{"class": lock_class})
        )
    )
