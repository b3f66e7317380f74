"""The roles of the embedded Postgres: Luma's is no superuser, also in clusters of earlier versions."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from luma_rag.db import embedded, migrate
from luma_rag.db.session import create_engine
from luma_rag.db.supervisor.cluster import CREATOR, SERVER, Cluster
from luma_rag.db.supervisor.home import Home
from luma_rag.db.supervisor.roles import SUPERUSER
from tests.slow.db.test_embedded import (
    GRACE,
    IS_ROOT,
    end,
    eventually,
    is_up,
    private_directory,
    psql,
    psql_program,
    run_psql,
)

_OWNERS = """
SELECT string_agg(DISTINCT pg_get_userbyid(owner), ' ') FROM (
    SELECT relowner FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'S', 'i')
    AND relnamespace <> 'pg_toast'::regnamespace
    UNION ALL SELECT proowner FROM pg_proc WHERE oid >= 16384 AND probin IS NULL AND prolang <> 12
    UNION ALL SELECT typowner FROM pg_type WHERE typname IN ('mood', 'pair', 'positive')
    UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'own'
    UNION ALL SELECT datdba FROM pg_database WHERE datname = 'luma'
) AS owners (owner)
"""


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A new data directory."""
    with private_directory() as path:
        yield path
        end(path)


@pytest.fixture
def url(data_dir: Path) -> Iterator[str]:
    """The URL of a running embedded Postgres."""
    with embedded.running(data_dir, grace=GRACE) as url:
        yield url


async def _migrate(url: str) -> None:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/luma-written'",
        "CREATE TABLE copied (line text); COPY copied FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT * FROM pg_authid",
        "CREATE FUNCTION run(text) RETURNS int AS 'libc.so.6', 'system' LANGUAGE c",
        "ALTER SYSTEM SET archive_command = 'true'",
        "ALTER ROLE luma SUPERUSER",
        "CREATE ROLE other SUPERUSER",
        f"SET ROLE {SUPERUSER}",
        f"SET SESSION AUTHORIZATION {SUPERUSER}",
        f"ALTER ROLE {SUPERUSER} PASSWORD 'x'",
    ],
)
def test_the_role_of_luma_can_reach_nothing_outside_its_database(url: str, statement: str) -> None:
    refused = run_psql(url, statement)
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr or "must be superuser" in refused.stderr


def test_the_role_of_luma_can_do_what_luma_does(url: str) -> None:
    asyncio.run(_migrate(url))
    psql(url, "CREATE TABLE vectors (e vector(3))")
    psql(url, "CREATE INDEX CONCURRENTLY ON vectors USING hnsw (e vector_l2_ops)")
    psql(url, "REINDEX TABLE CONCURRENTLY vectors")
    psql(url, "VACUUM ANALYZE vectors")
    psql(url, "DROP TABLE vectors")
    psql(url, "COMMENT ON EXTENSION vector IS 'as in a dump'")


def test_a_dump_can_be_restored_by_the_role_of_luma(url: str) -> None:
    asyncio.run(_migrate(url))
    with private_directory() as other:
        dump = other / "luma.sql"
        subprocess.run([embedded.binaries() / "pg_dump", "--no-owner", url, "--file", dump], check=True)
        with embedded.running(other / "data", grace=GRACE) as restored:
            restore = [psql_program(), "-X", "-q", "-v", "ON_ERROR_STOP=1", restored, "-f", dump]
            subprocess.run(restore, check=True, stdout=subprocess.DEVNULL)
            assert psql(restored, "SELECT version_num FROM alembic_version") == migrate.head()
        end(other / "data")


def test_the_superuser_is_for_the_account_of_luma(url: str) -> None:
    assert psql(embedded.as_superuser(url), "SHOW is_superuser") == "on"
    rules = psql(
        embedded.as_superuser(url),
        "SELECT DISTINCT type || ' ' || auth_method FROM pg_hba_file_rules",
    )
    assert rules == "local peer"


def _start_of_an_earlier_version(data_dir: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Create a cluster like version 0.2, whose role `luma` is the superuser, and start its server."""
    home = Home(data_dir / "postgres")
    home.path.mkdir(parents=True)
    home.cluster.mkdir(mode=0o700)
    cluster = Cluster(home, embedded.binaries())
    creator, account = (CREATOR, SERVER) if IS_ROOT else (None, None)
    if creator is not None:
        os.chown(home.cluster, creator.uid, creator.gid)
    arguments = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    arguments += ["--lc-ctype=C.UTF-8", "--username=luma", "--auth-local=trust", "--auth-host=reject"]
    cluster._run(home.cluster, creator, "initdb", *arguments)
    cluster._run(home.cluster, creator, "postgres", "--single", "template1", typed="CREATE DATABASE luma;\n")
    if account is not None:
        subprocess.run(["chown", "-R", f"{account.uid}:{account.gid}", home.cluster], check=True)
    options = ["-c", "listen_addresses=", "-c", "unix_socket_directories=.", "-c", "fsync=off"]
    server = cluster._spawn(home.cluster, account, signal.SIGINT, subprocess.DEVNULL, "postgres", *options)
    url = f"postgresql://luma@/luma?host={home.cluster}"
    eventually(lambda: is_up(url))
    return server, url


@pytest.mark.parametrize("in_order", [True, False])
def test_a_cluster_of_an_earlier_version_is_converted(in_order: bool) -> None:
    with private_directory() as data_dir:
        server, url = _start_of_an_earlier_version(data_dir)
        psql(url, "CREATE EXTENSION vector")
        asyncio.run(_migrate(url))
        psql(url, "CREATE SCHEMA own")
        psql(url, "CREATE TABLE own.kept (id serial, at bigint GENERATED ALWAYS AS IDENTITY, e vector(2))")
        psql(url, "INSERT INTO own.kept (e) VALUES ('[1,2]')")
        psql(url, "CREATE VIEW own.seen AS SELECT id FROM own.kept; CREATE SEQUENCE own.counter")
        psql(url, "CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b int)")
        psql(url, "CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
        assert psql(url, _OWNERS) == "luma"
        server.send_signal(signal.SIGINT if in_order else signal.SIGQUIT)
        server.wait(30)
        with embedded.running(data_dir, grace=GRACE) as url:
            assert psql(url, "SELECT current_user, rolsuper FROM pg_roles WHERE oid = 10") == "luma|t"
            assert psql(url, "SHOW is_superuser") == "off"
            assert psql(url, _OWNERS) == "luma"
            psql(url, "INSERT INTO own.kept (e) SELECT e FROM own.kept; ALTER TABLE own.kept ADD more int")
            assert psql(url, "SELECT count(DISTINCT id) FROM own.seen") == "2"
            psql(url, "COMMENT ON EXTENSION vector IS 'as in a dump'")
            assert run_psql(url, "COPY own.kept TO PROGRAM 'cat'").returncode != 0
            assert psql(embedded.as_superuser(url), "SHOW is_superuser") == "on"
            asyncio.run(_migrate(url))
        end(data_dir)
        # As if the conversion had been interrupted just before its end.
        rules = data_dir / "postgres/cluster/pg_hba.conf"
        found = rules.read_text()
        rules.write_text("local all all trust\n")
        with embedded.running(data_dir, grace=GRACE) as url:
            assert rules.read_text() == found
            assert psql(url, "SELECT count(*) FROM own.seen") == "2"
        end(data_dir)
