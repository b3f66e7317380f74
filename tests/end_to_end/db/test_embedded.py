"""The embedded Postgres, with real processes that are really killed."""

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from luma_rag.db import embedded
from luma_rag.db.session import create_engine
from luma_rag.db.supervisor import account as accounts
from luma_rag.db.supervisor import supervision
from luma_rag.db.supervisor.configuration import GB, MB, configuration
from luma_rag.db.supervisor.home import EXCLUSIVE, Home, Status, try_lock
from luma_rag.errors import ConfigurationError
from tests.paths import ROOT
from tests.processes import ask_each, is_alive, kill

GRACE = 0.2
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root, to become other users")

HOLD = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from luma_rag.db import embedded
from luma_rag.db.session import create_engine
with embedded.running(Path(sys.argv[1]), grace={GRACE}) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

HAMMER = f"""
import subprocess, sys, time, random
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from luma_rag.db import embedded
from luma_rag.db.session import create_engine
random.seed(sys.argv[2])
for i in range(6):
    with embedded.running(Path(sys.argv[1]), grace=0) as url:
        subprocess.run([sys.argv[3], "-X", "-q", url, "-c", "INSERT INTO kept VALUES (1)"], check=True)
    time.sleep(random.uniform(0, 0.15))
"""


def psql_program() -> str:
    return str(embedded.binaries() / "psql")


def psql(url: str, sql: str) -> str:
    done = subprocess.run(
        [psql_program(), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", sql],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """The supervisor and Postgres with all its children: what names the directory or works in it."""
    found = []
    for pid in numbers_of(data_dir):
        # What served psql may end at this moment.
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def numbers_of(data_dir: Path) -> list[int]:
    # Read by hand, because this is asked often and psutil takes its time. Zombies have neither.
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = Path(entry.path, "cmdline").read_bytes()
                directory = Path(entry.path, "cwd").readlink()
                if os.fsencode(data_dir) in command or directory.is_relative_to(data_dir):
                    found.append(int(entry.name))
    return found


def state(data_dir: Path) -> str | None:
    found = embedded.status(data_dir)
    return found and found.state


def end(data_dir: Path) -> None:
    """Stop what runs and see that nothing is left."""
    embedded.stop(data_dir)
    eventually(lambda: not numbers_of(data_dir))


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A data directory in which nothing was ever started."""
    path = Path(tempfile.mkdtemp(prefix="luma-test-")).resolve()
    yield path / "data"
    end(path / "data")
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def first_start() -> Iterator[Path]:
    """One data directory for all tests that only use it, kill it and stop it: it has to survive them all."""
    path = Path(tempfile.mkdtemp(prefix="luma-test-")).resolve()
    with embedded.running(path / "data", grace=GRACE) as url:
        psql(url, "CREATE TABLE kept (n int)")
    yield path / "data"
    end(path / "data")
    shutil.rmtree(path)


@pytest.fixture
def data_dir(first_start: Path) -> Iterator[Path]:
    """A data directory with a cluster, stopped, and an empty table `kept`, on a grace of `GRACE` seconds."""
    with embedded.running(first_start, grace=GRACE) as url:
        psql(url, "TRUNCATE kept")
    end(first_start)
    yield first_start
    end(first_start)


@contextlib.contextmanager
def holder(data_dir: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the database until its input ends."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", HOLD, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def test_the_database_is_private_and_durable(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        assert url.startswith("postgresql://luma@/luma?host=%2F")
        psql(url, "CREATE EXTENSION IF NOT EXISTS vector")
        assert psql(url, "SELECT current_user || ' ' || current_database()") == "luma luma"
        settings = (
            "fsync synchronous_commit full_page_writes data_checksums jit listen_addresses server_encoding"
        )
        assert [psql(url, f"SHOW {name}") for name in settings.split()] == [
            *("on", "on", "on", "on", "off", "", "UTF8")
        ]
        # Letters and punctuation beyond ASCII are told apart, as full text search needs.
        assert psql(url, "SELECT to_tsvector('simple', '“Straße” Ёлка')") == "'straße':1 'ёлка':2"
        assert (data_dir / "postgres/cluster").stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres").stat().st_mode & 0o007 == 0
        postgres = psutil.Process(embedded.status(data_dir).postgres)
        assert [c for c in postgres.net_connections() if c.family != socket.AF_UNIX] == []
        if IS_ROOT:
            assert postgres.uids().real == pwd.getpwnam(accounts.NAME).pw_uid
            assert set(postgres.uids()) | {0} != {0}


async def test_the_url_works_with_sqlalchemy(data_dir: Path) -> None:
    context = embedded.running(data_dir, grace=GRACE)
    url = await asyncio.to_thread(context.__enter__)
    engine = create_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM kept"))).scalar() == 0
    await engine.dispose()
    await asyncio.to_thread(context.__exit__, None, None, None)


def test_what_was_written_is_there_at_the_next_start(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept VALUES (42)")
    end(data_dir)
    began = time.monotonic()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert time.monotonic() - began < 5
        assert psql(url, "SELECT n FROM kept") == "42"


def test_a_second_use_starts_nothing_and_is_quick(data_dir: Path) -> None:
    end(data_dir)
    began = time.perf_counter()
    with embedded.running(data_dir, grace=GRACE):
        start = time.perf_counter() - began
        before = embedded.status(data_dir)
        uses = []
        for _ in range(3):
            began = time.perf_counter()
            with embedded.running(data_dir, grace=GRACE):
                uses.append(time.perf_counter() - began)
                assert embedded.status(data_dir) == before
        assert min(uses) < start / 4


def test_two_processes_share_one_server_until_the_last_leaves(data_dir: Path) -> None:
    with holder(data_dir) as (_, url):
        server = embedded.status(data_dir)
        with holder(data_dir) as (_, other_url):
            assert other_url == url
            assert embedded.status(data_dir) == server
        time.sleep(5 * GRACE)
        assert embedded.status(data_dir) == server
        psql(url, "SELECT 1")
    eventually(lambda: state(data_dir) == "stopped" and not numbers_of(data_dir))
    assert not (data_dir / "postgres/cluster/postmaster.pid").exists()  # it ended in order


def test_a_killed_user_counts_as_gone(data_dir: Path) -> None:
    with holder(data_dir) as (user, _):
        user.kill()
        user.wait()
    eventually(lambda: not numbers_of(data_dir))


def test_two_first_starts_at_once_share_one_server(empty_dir: Path) -> None:
    users = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(empty_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert len({user.stdout.readline() for user in users}) == 1
    commands = ask_each(processes_of(empty_dir), psutil.Process.cmdline)
    supervisors = [process.pid for process, command in commands if "supervisor" in " ".join(command)]
    assert supervisors == [embedded.status(empty_dir).supervisor]
    for user in users:
        user.communicate()
        assert user.returncode == 0


def test_starting_while_it_stops_never_fails(data_dir: Path) -> None:
    hammers = [
        subprocess.Popen([sys.executable, "-c", HAMMER, str(data_dir), str(seed), psql_program()])
        for seed in range(3)
    ]
    assert [hammer.wait(60) for hammer in hammers] == [0, 0, 0]
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "18"


def test_a_killed_supervisor_is_replaced_while_somebody_uses_it(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept VALUES (7)")
        before = embedded.status(data_dir)
        postgres = psutil.Process(before.postgres)
        kill([psutil.Process(before.supervisor)])
        eventually(lambda: state(data_dir) == "ready" and embedded.status(data_dir).run != before.run)
        assert not is_alive(postgres)
        assert psql(url, "SELECT n FROM kept") == "7"


def test_a_killed_postgres_is_started_again(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept VALUES (8)")
        before = embedded.status(data_dir)
        os.kill(before.postgres, signal.SIGKILL)
        eventually(
            lambda: state(data_dir) == "ready" and embedded.status(data_dir).postgres != before.postgres
        )
        assert embedded.status(data_dir).supervisor == before.supervisor
        assert psql(url, "SELECT n FROM kept") == "8"


def test_what_was_committed_survives_the_kill_of_everything(data_dir: Path) -> None:
    with holder(data_dir) as (user, url):
        psql(url, "INSERT INTO kept SELECT generate_series(1, 20000)")
        kill([psutil.Process(user.pid), *processes_of(data_dir)])
    assert (data_dir / "postgres/cluster/postmaster.pid").exists()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "20000"


def test_orphans_of_a_killed_postmaster_are_ended(data_dir: Path) -> None:
    with holder(data_dir) as (user, url):
        before = embedded.status(data_dir)
        children = psutil.Process(before.postgres).children()
        # A stopped process doesn't notice that its postmaster has died, like one in a long computation.
        children[0].suspend()
        kill(psutil.Process(pid) for pid in (user.pid, before.supervisor, before.postgres))
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT 1") == "1"
        assert not is_alive(children[0])


def test_a_number_of_a_dead_postgres_that_now_belongs_to_another_process(data_dir: Path) -> None:
    cluster = data_dir / "postgres/cluster"
    found = cluster.stat()
    other = subprocess.Popen(
        ["sleep", "60"], **({"user": found.st_uid, "group": found.st_gid} if IS_ROOT else {})
    )
    try:
        stale = cluster / "postmaster.pid"
        stale.write_text(f"{other.pid}\n{cluster}\n1700000000\n5432\n{cluster}\n\n  1   2\nready\n")
        # The lock of the socket has the same first lines.
        shutil.copyfile(stale, cluster / ".s.PGSQL.5432.lock")
        for file in (stale, cluster / ".s.PGSQL.5432.lock"):
            os.chown(file, found.st_uid, found.st_gid)
        with embedded.running(data_dir, grace=GRACE) as url:
            assert psql(url, "SELECT 1") == "1"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_killed_creation_leaves_nothing_half_there(empty_dir: Path) -> None:
    with holder_of_start(empty_dir) as user:
        home = empty_dir / "postgres"
        eventually(lambda: any(home.glob("cluster.new-*/base")))
        kill(psutil.Process(pid) for pid in (user.pid, embedded.status(empty_dir).supervisor))
    assert not (home / "cluster").exists()
    with embedded.running(empty_dir, grace=GRACE) as url:
        assert psql(url, "SELECT 1") == "1"
    assert not list(home.glob("cluster.new-*"))


@contextlib.contextmanager
def holder_of_start(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.communicate()


def test_a_path_too_long_for_a_socket(data_dir: Path, empty_dir: Path) -> None:
    deep = empty_dir.parent.joinpath(*["a directory, with a long name" * 2] * 3)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 150
    subprocess.run(["cp", "-a", str(data_dir), str(deep / "data")], check=True)
    try:
        with embedded.running(deep / "data", grace=GRACE) as url:
            assert psql(url, "SELECT count(*) FROM kept") == "0"
            short = Path(embedded.status(deep / "data").socket)
            assert len(str(short)) < 90
            assert short.stat().st_mode & 0o777 == 0o700
        end(deep / "data")
        assert not short.exists()
        if IS_ROOT:
            short.mkdir()
            os.chown(short, 65534, 65534)
            with (
                pytest.raises(ConfigurationError, match="isn't a private directory"),
                embedded.running(deep / "data"),
            ):
                pass
            short.rmdir()
    finally:
        end(deep / "data")


@needs_root
def test_an_ordinary_user_runs_it_as_itself(empty_dir: Path) -> None:
    # Reading everything is kept, because the interpreter of this test may lie where others can't read it.
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    os.chown(empty_dir.parent, 65534, 65534)
    with holder(empty_dir, *prefix) as (_, url):
        assert psql(url, "SELECT 1") == "1"
        found = embedded.status(empty_dir)
        for pid in (found.supervisor, found.postgres):
            assert set(psutil.Process(pid).uids()) == {65534}
    eventually(lambda: not numbers_of(empty_dir))
    with pytest.raises(ConfigurationError, match="belongs to the account"), embedded.running(empty_dir):
        pass


@needs_root
def test_as_root_only_the_account_of_postgres_may_pass(data_dir: Path) -> None:
    closed = data_dir.parent
    closed.chmod(0o700)
    with embedded.running(data_dir, grace=GRACE):
        pass
    assert closed.stat().st_mode & 0o007 == 0
    entry = pwd.getpwnam(accounts.NAME)
    for uid, allowed in ((entry.pw_uid, True), (65534, False)):
        listing = subprocess.run(
            ["stat", f"{closed}/."], user=uid, group=65534, extra_groups=[], capture_output=True, check=False
        )
        assert (listing.returncode == 0) is allowed


@needs_root
def test_passage_leaves_to_others_what_they_had(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    names = {"user::": (1, 7, None), "user:1": (2, 6, 1), "group::": (4, 5, None), "mask": (16, 4, None)}
    before = [*names.values(), (32, 0, None)]
    packed = b"".join(
        accounts._ENTRY.pack(tag, bits, accounts._NO_ID if n is None else n) for tag, bits, n in before
    )
    os.setxattr(tmp_path, accounts.ACL, accounts._VERSION + packed)
    account = accounts.Account(65534, 65534)
    assert not accounts._can_pass(account, tmp_path)
    accounts.grant_passage(account, tmp_path)
    assert accounts._can_pass(account, tmp_path)
    after = accounts._ENTRY.iter_unpack(os.getxattr(tmp_path, accounts.ACL)[4:])
    # What the mask denied (writing to user 1, passing to the group) stays denied under the wider mask.
    no = accounts._NO_ID
    assert list(after) == [(1, 7, no), (2, 4, 1), (2, 1, 65534), (4, 4, no), (16, 5, no), (32, 0, no)]


@pytest.mark.parametrize(
    ("version", "message"), [("17", "made by Postgres 17"), (None, "PG_VERSION is missing")]
)
def test_a_cluster_of_another_version_is_refused(data_dir: Path, version: str | None, message: str) -> None:
    file = data_dir / "postgres/cluster/PG_VERSION"
    kept = file.rename(file.with_name("PG_VERSION.kept"))
    try:
        if version is not None:
            file.write_text(f"{version}\n")
        with pytest.raises(ConfigurationError, match=message), embedded.running(data_dir):
            pass
        assert state(data_dir) == "failed"
    finally:
        kept.rename(file)


def test_settings_of_the_operator(data_dir: Path) -> None:
    custom = data_dir / "postgres/custom.conf"
    custom.write_text("work_mem = '21MB'\nlisten_addresses = '*'\n")
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SHOW work_mem") == "21MB"
        assert psql(url, "SHOW listen_addresses") == ""
    end(data_dir)
    custom.write_text("work_mem = 'a lot'\n")
    # The reason is in the message; and when it is gone, the next start works.
    with (
        pytest.raises(ConfigurationError, match='invalid value for parameter "work_mem"'),
        embedded.running(data_dir),
    ):
        pass
    custom.unlink()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SHOW work_mem") == "16MB"


def test_stopping_by_hand(data_dir: Path) -> None:
    assert embedded.stop(data_dir) is False
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept VALUES (9)")
        assert embedded.stop(data_dir) is True
        assert state(data_dir) == "stopped"
        time.sleep(2 * embedded.WATCH_EVERY)
        assert state(data_dir) == "stopped"  # who uses it doesn't start it behind the back of who stopped it
        with embedded.running(data_dir, grace=GRACE) as again:
            assert psql(again, "SELECT n FROM kept") == "9"


def test_a_start_that_takes_long_says_so_and_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PROGRESS_EVERY", 0.05)
    (tmp_path / "postgres").mkdir()
    home = Home(tmp_path / "postgres")
    lock = home.open_lock("supervisor")
    assert try_lock(lock, EXCLUSIVE)
    home.write_status(Status(run="1", state="starting", message="redo in progress"))
    said: list[str] = []
    try:
        with (
            pytest.raises(ConfigurationError, match=r"not ready after 0 s \(redo in progress\)"),
            embedded.running(tmp_path, timeout=0.3, on_progress=said.append),
        ):
            pass
    finally:
        os.close(lock)
    assert len(said) > 2
    assert all(message.startswith("redo in progress (") for message in said)


def test_status_of_what_never_ran(empty_dir: Path) -> None:
    assert embedded.status(empty_dir) is None
    assert not empty_dir.exists()


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="LUMA_DATA_DIR"),
        embedded.running(tmp_path / "file" / "data"),
    ):
        pass


def test_the_log_stays_bounded(data_dir: Path) -> None:
    log = data_dir / "postgres/postgres.log"
    with embedded.running(data_dir, grace=GRACE):
        with log.open("ab") as file:
            file.write(b"x" * (supervision.LOG_LIMIT + 1))
        eventually(lambda: log.stat().st_size < MB)
        assert (data_dir / "postgres/postgres.log.1").stat().st_size > supervision.LOG_LIMIT
    end(data_dir)
    assert "shut down" in log.read_text()  # still written to, from its start


def test_secrets_do_not_reach_processes_that_stay(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_hex()
    monkeypatch.setenv("LUMA_LLM_API_KEY", secret)
    with embedded.running(data_dir, grace=GRACE):
        environments = ask_each(processes_of(data_dir), psutil.Process.environ)
        assert len(environments) > 2
        assert not any(secret in environment.values() for _, environment in environments)


def test_configuration_fits_the_machine() -> None:
    small = configuration(512 * MB, 64 * MB, custom=False)
    assert "shared_buffers = '128MB'" in small
    assert "maintenance_work_mem = '64MB'" in small
    assert "dynamic_shared_memory_type = 'sysv'" in small
    large = configuration(64 * GB, 32 * GB, custom=True)
    assert "shared_buffers = '4096MB'" in large
    assert "maintenance_work_mem = '2048MB'" in large
    assert "dynamic_shared_memory_type = 'posix'" in large
    assert large.endswith("include 'custom.conf'\n")
