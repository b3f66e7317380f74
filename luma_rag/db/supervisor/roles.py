"""The two roles of the embedded Postgres, and how they authenticate."""

import os
import pwd

from luma_rag.errors import ConfigurationError

OWNER = "luma"
"""Owns the database `luma` and its contents. Luma connects with this role."""
SUPERUSER = "luma_superuser"
"""Used once, when the cluster is created or converted, and for manual administration."""

HBA = """\
# Written by Luma. The account that Luma runs as may connect, without a password.
local all all peer map=luma
"""

# A dump contains a comment on the extension, which only its owner can restore. There is no ALTER for this.
_OWN_EXTENSION = f"UPDATE pg_extension SET extowner = '{OWNER}'::regrole WHERE extname = 'vector';"  # noqa: S608

# The extension in the template, because only a superuser may install it.
CREATION = f"""\
CREATE ROLE {OWNER} LOGIN;
CREATE EXTENSION vector;
{_OWN_EXTENSION}
CREATE DATABASE {OWNER} OWNER {OWNER};
"""
"""Statements for `template1` of a new cluster, one per line."""

# Until this version, `luma` was the superuser that initdb creates, which can't become an ordinary role. It is
# renamed, and an ordinary role takes over its name and its objects. A role can't rename itself.
_RENAME = f"""
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE oid = 10 AND rolname = '{OWNER}') THEN
        CREATE ROLE luma_conversion SUPERUSER;
        SET SESSION AUTHORIZATION luma_conversion;
        ALTER ROLE {OWNER} RENAME TO {SUPERUSER};
        RESET SESSION AUTHORIZATION;
        DROP ROLE luma_conversion;
        CREATE ROLE {OWNER} LOGIN;
    END IF;
END $$;
"""

# Everything that was created since initdb, and so has a number from 16384. The sequence of a column follows
# its table; the contents of extensions stay with the superuser.
_HAND_OVER = f"""
DO $$ DECLARE statement text; BEGIN
    FOR statement IN
        SELECT format('ALTER %s OWNER TO {OWNER}', object)
        FROM (
            SELECT 'pg_namespace'::regclass, oid, format('SCHEMA %I', nspname)
            FROM pg_namespace WHERE nspowner = 10 AND nspname !~ '^pg_'
            UNION ALL
            SELECT 'pg_class'::regclass, oid, format('TABLE %s', oid::regclass)
            FROM pg_class WHERE relowner = 10 AND (relkind IN ('r', 'p', 'v', 'm', 'f') OR relkind = 'S'
                AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i')))
            UNION ALL
            SELECT 'pg_proc'::regclass, oid, format('ROUTINE %s', oid::regprocedure)
            FROM pg_proc WHERE proowner = 10
            UNION ALL
            SELECT 'pg_type'::regclass, oid, format('TYPE %s', oid::regtype)
            FROM pg_type WHERE typowner = 10 AND (typtype IN ('d', 'e')
                OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
        ) AS owned (class, number, object)
        WHERE number >= 16384 AND NOT EXISTS (
            SELECT FROM pg_depend WHERE (classid, objid) = (class, number) AND deptype = 'e'
        )
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
"""  # noqa: S608 - constants

CONVERSION = (
    (OWNER, OWNER, _RENAME),
    (SUPERUSER, OWNER, f"ALTER DATABASE {OWNER} OWNER TO {OWNER}; {_HAND_OVER}"),
    *(
        (
            SUPERUSER,
            database,
            f"CREATE EXTENSION IF NOT EXISTS vector; ALTER EXTENSION vector UPDATE; {_OWN_EXTENSION}",
        )
        for database in ("template1", OWNER)
    ),
)
"""Converts a cluster of an earlier version: (role, database, statements). May be repeated."""


def ident() -> str:
    """The text of pg_ident.conf, which lets this process's account be either role.

    Raises:
        ConfigurationError: the account has no name.
    """
    try:
        account = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ConfigurationError(
            f"The account {os.geteuid()} has no name, which the embedded Postgres needs. Add it to "
            "/etc/passwd, or set LUMA_DATABASE_URL to a Postgres of your own."
        ) from None
    return "".join(f'luma "{account}" {role}\n' for role in (OWNER, SUPERUSER))
