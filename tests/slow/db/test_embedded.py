"""The embedded Postgres, with real processes that are really killed."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from luma_rag.db import embedded
from luma_rag.db.session import POOL_SIZE, create_engine
from luma_rag.db.supervisor import programs
from luma_rag.db.supervisor.__main__ import LOG_LIMIT
from luma_rag.db.supervisor.cluster import SERVER
from luma_rag.db.supervisor.configuration import (
    GB,
    MAX_CONNECTIONS,
    MB,
    RESERVED_CONNECTIONS,
    configuration,
)
from luma_rag.db.supervisor.home import Home, Postmaster
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
with embedded.running(Path(sys.argv[1]), grace={GRACE}) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

HAMMER = f"""
import subprocess, sys, time, random
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from luma_rag.db import embedded
random.seed(sys.argv[2])
for i in range(6):
    with embedded.running(Path(sys.argv[1]), grace=0) as url:
        subprocess.run([sys.argv[3], "-X", "-q", url, "-c", "INSERT INTO kept VALUES (1)"], check=True)
    time.sleep(random.uniform(0, 0.15))
"""


def psql_program() -> str:
    return str(embedded.binaries() / "psql")


def run_psql(url: str, sql: str, *prefix: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, psql_program(), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", sql],
        capture_output=True,
        text=True,
        check=False,
    )


def psql(url: str, sql: str, *prefix: str) -> str:
    done = run_psql(url, sql, *prefix)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def is_up(url: str) -> bool:
    return run_psql(url, "SELECT 1").returncode == 0


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


def supervisor(data_dir: Path) -> psutil.Process:
    """The one supervisor."""
    commands = ask_each(processes_of(data_dir), psutil.Process.cmdline)
    (found,) = [process for process, command in commands if "supervisor" in " ".join(command)]
    return found


def postmaster(data_dir: Path) -> Postmaster | None:
    return Home(data_dir / "postgres").postmaster()


def is_ready(data_dir: Path) -> bool:
    found = postmaster(data_dir)
    return found is not None and found.ready


def end(data_dir: Path) -> None:
    """Stop what runs and see that nothing is left."""
    embedded.stop(data_dir)
    eventually(lambda: not numbers_of(data_dir))


@contextlib.contextmanager
def private_directory() -> Iterator[Path]:
    """A directory that only its owner may enter."""
    memory = Path("/dev/shm")
    # Where there is room, in memory: what survives a kill doesn't depend on the disk.
    parent = memory if memory.is_dir() and shutil.disk_usage(memory).free > GB else None
    path = Path(tempfile.mkdtemp(prefix="luma-test-", dir=parent)).resolve()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with private_directory() as path:
        yield path / "data"
        end(path / "data")


@pytest.fixture(scope="session")
def created() -> Iterator[Path]:
    """A stopped cluster with an empty table `kept`, to be copied."""
    with private_directory() as path:
        with embedded.running(path, grace=GRACE) as url:
            psql(url, "CREATE TABLE kept (n int)")
        end(path)
        yield path / "postgres"


@pytest.fixture
def data_dir(created: Path, empty_dir: Path) -> Path:
    """A data directory with a stopped cluster that has an empty table `kept`."""
    empty_dir.mkdir()
    subprocess.run(["cp", "-a", str(created), str(empty_dir)], check=True)
    return empty_dir


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
        assert (data_dir / "postgres").stat().st_mode & 0o077 == 0
        postgres = psutil.Process(postmaster(data_dir).pid)
        assert [c for c in postgres.net_connections() if c.family != socket.AF_UNIX] == []
        if IS_ROOT:
            assert set(postgres.uids()) == {SERVER.uid}
            assert set(postgres.gids()) == {SERVER.gid}


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
    began = time.perf_counter()
    with embedded.running(data_dir, grace=GRACE):
        start = time.perf_counter() - began
        before = postmaster(data_dir)
        uses = []
        for _ in range(3):
            began = time.perf_counter()
            with embedded.running(data_dir, grace=GRACE):
                uses.append(time.perf_counter() - began)
                assert postmaster(data_dir) == before
        assert min(uses) < start / 4


def test_two_processes_share_one_server_until_the_last_leaves(data_dir: Path) -> None:
    with holder(data_dir) as (_, url):
        server = postmaster(data_dir)
        with holder(data_dir) as (_, other_url):
            assert other_url == url
            assert postmaster(data_dir) == server
        time.sleep(5 * GRACE)
        assert postmaster(data_dir) == server
        psql(url, "SELECT 1")
    eventually(lambda: not embedded.is_running(data_dir) and not numbers_of(data_dir))
    assert postmaster(data_dir) is None  # it ended in order


def test_the_server_stays_for_the_grace_period(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=1.5):
        server = postmaster(data_dir)
    time.sleep(0.5)
    with embedded.running(data_dir, grace=1.5):
        assert postmaster(data_dir) == server


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
    assert supervisor(empty_dir).is_running()
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
        before = psutil.Process(postmaster(data_dir).pid)
        kill([supervisor(data_dir)])
        eventually(lambda: is_up(url) and postmaster(data_dir).pid != before.pid)
        assert not is_alive(before)
        assert psql(url, "SELECT n FROM kept") == "7"


def test_postgres_does_not_outlive_its_supervisor(data_dir: Path) -> None:
    with holder(data_dir) as (user, _):
        kill([psutil.Process(user.pid), supervisor(data_dir)])
    # Without another start.
    eventually(lambda: not numbers_of(data_dir))


def test_a_killed_postgres_is_started_again(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url, holder(data_dir):
        psql(url, "INSERT INTO kept VALUES (8)")
        before = postmaster(data_dir).pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: is_up(url) and postmaster(data_dir).pid != before)
        assert supervisor(data_dir).is_running()
        assert psql(url, "SELECT n FROM kept") == "8"


def test_postgres_and_its_supervisor_killed_one_after_the_other(data_dir: Path) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept SELECT generate_series(1, 100000)")
        first = supervisor(data_dir)
        os.kill(postmaster(data_dir).pid, signal.SIGKILL)
        eventually(
            lambda: not is_alive(first) and postmaster(data_dir) is not None and not is_ready(data_dir)
        )
        kill([supervisor(data_dir)])  # while Postgres recovers
        eventually(lambda: is_up(url))
        assert psql(url, "SELECT count(*) FROM kept") == "100000"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_supervisor_that_ends_while_postgres_recovers_delays_nothing(
    data_dir: Path, number: signal.Signals
) -> None:
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept SELECT generate_series(1, 300000)")
        first, server = supervisor(data_dir), psutil.Process(postmaster(data_dir).pid)
        server.children()[0].kill()
        first.send_signal(number)
        # A fast shutdown of the recovering server would take a minute.
        eventually(lambda: not is_alive(server) and is_up(url))
        assert psql(url, "SELECT count(*) FROM kept") == "300000"


def test_what_was_committed_survives_the_kill_of_everything(data_dir: Path) -> None:
    with holder(data_dir) as (user, url):
        psql(url, "INSERT INTO kept SELECT generate_series(1, 20000)")
        kill([psutil.Process(user.pid), *processes_of(data_dir)])
    assert (data_dir / "postgres/cluster/postmaster.pid").exists()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "20000"


@pytest.mark.parametrize("orphaned", [True, False])
def test_what_is_left_of_a_server_is_ended(data_dir: Path, orphaned: bool) -> None:
    with holder(data_dir) as (user, url):
        server = psutil.Process(postmaster(data_dir).pid)
        children = server.children()
        # Suspended, it neither ends nor notices that its postmaster has died, as in a long computation.
        children[0].suspend()
        victims = [psutil.Process(user.pid), supervisor(data_dir)]
        kill([*victims, server] if orphaned else victims)
    began = time.monotonic()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT 1") == "1"
        assert not is_alive(children[0])
        assert not is_alive(server)
    assert time.monotonic() - began < 20


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
        kill([psutil.Process(user.pid), supervisor(empty_dir)])
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
        process.kill()
        process.communicate()


def test_a_path_too_long_for_a_socket(data_dir: Path) -> None:
    deep = data_dir.joinpath(*["a directory, with a long name" * 2] * 3)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 150
    (data_dir / "postgres").rename(deep / "postgres")
    with embedded.running(deep, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "0"
        short = Home(deep / "postgres").socket_directory
        assert len(str(short)) < 90
        assert short.stat().st_mode & 0o777 == 0o700
    end(deep)
    assert not short.exists()
    if IS_ROOT:
        short.mkdir()
        os.chown(short, 65534, 65534)
        with pytest.raises(ConfigurationError, match="isn't a private directory"), embedded.running(deep):
            pass
        short.rmdir()


@needs_root
def test_an_ordinary_user_runs_it_as_itself(empty_dir: Path) -> None:
    # Reading everything is kept, because the interpreter of this test may lie where others can't read it.
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    os.chown(empty_dir.parent, 65534, 65534)
    with holder(empty_dir, *prefix) as (_, url):
        assert psql(url, "SELECT 1", *prefix) == "1"
        assert "Peer authentication failed" in run_psql(url, "SELECT 1").stderr
        for process in (supervisor(empty_dir), psutil.Process(postmaster(empty_dir).pid)):
            assert set(process.uids()) == {65534}
    eventually(lambda: not numbers_of(empty_dir))
    with pytest.raises(ConfigurationError, match="belongs to the account"), embedded.running(empty_dir):
        pass


@needs_root
def test_as_root_closed_directories_stay_closed(data_dir: Path) -> None:
    closed = data_dir.parent
    assert closed.stat().st_mode & 0o777 == 0o700
    with embedded.running(data_dir, grace=GRACE) as url:
        psql(url, "INSERT INTO kept VALUES (1)")
        assert closed.stat().st_mode & 0o777 == 0o700
        assert os.listxattr(closed) == []
        for uid in (SERVER.uid, 65534):
            listing = subprocess.run(
                ["stat", f"{closed}/."],
                user=uid,
                group=uid,
                extra_groups=[],
                capture_output=True,
                check=False,
            )
            assert listing.returncode != 0


@needs_root
@pytest.mark.parametrize(("owner", "server"), [(12345, 12345), (0, SERVER.uid)])
def test_as_root_existing_data_keeps_its_account(data_dir: Path, owner: int, server: int) -> None:
    cluster = data_dir / "postgres/cluster"
    subprocess.run(["chown", "-R", f"{owner}:{owner}", str(cluster)], check=True)
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "0"
        assert set(psutil.Process(postmaster(data_dir).pid).uids()) == {server}
    assert {file.lstat().st_uid for file in (cluster, *cluster.rglob("*"))} == {server}


@pytest.fixture
def closed_programs(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs in a folder that only root can pass through."""
    closed = data_dir.parent / "closed"
    package = embedded.binaries().parents[1]
    (closed / "site").mkdir(parents=True)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        (closed / "site" / folder.name).symlink_to(folder)
    closed.chmod(0o700)
    moved = closed / "site" / embedded.binaries().relative_to(package.parent)
    monkeypatch.setattr(embedded, "binaries", lambda: moved)
    return moved


@needs_root
def test_as_root_programs_that_postgres_cannot_reach_are_copied(
    data_dir: Path, closed_programs: Path
) -> None:
    before = set(programs.COPIES.glob("postgres-*")) if programs.COPIES.exists() else set()
    with embedded.running(data_dir, grace=GRACE) as url:
        assert psql(url, "SELECT count(*) FROM kept") == "0"
        server = Path(psutil.Process(postmaster(data_dir).pid).exe())
        assert server.is_relative_to(programs.COPIES)
    assert len(set(programs.COPIES.glob("postgres-*")) - before) <= 1
    assert closed_programs.parents[3].stat().st_mode & 0o777 == 0o700


@needs_root
def test_as_root_without_a_place_for_the_copy(
    closed_programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    monkeypatch.setattr(programs, "COPIES", occupied / "folder")
    with pytest.raises(ConfigurationError, match=r"Copying them to .* failed: .* chmod o[+]x "):
        programs.reachable(closed_programs)


@needs_root
def test_as_root_a_copy_that_others_could_change_is_refused(
    closed_programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    copies.chmod(0o777)
    monkeypatch.setattr(programs, "COPIES", copies)
    with pytest.raises(ConfigurationError, match="only root may write to it"):
        programs.reachable(closed_programs)


@pytest.mark.parametrize(
    ("version", "message"), [("17", "initialized by PostgreSQL version 17"), (None, 'PG_VERSION" is missing')]
)
def test_a_cluster_of_another_version_is_refused(data_dir: Path, version: str | None, message: str) -> None:
    file = data_dir / "postgres/cluster/PG_VERSION"
    file.unlink()
    if version is not None:
        file.write_text(f"{version}\n")
        os.chown(file, file.parent.stat().st_uid, file.parent.stat().st_gid)
    with pytest.raises(ConfigurationError, match=message), embedded.running(data_dir):
        pass
    assert not embedded.is_running(data_dir)


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
        assert not embedded.is_running(data_dir)
        time.sleep(3 * embedded.WATCH_EVERY)
        assert not embedded.is_running(data_dir)  # its user doesn't undo a deliberate stop
        with embedded.running(data_dir, grace=GRACE) as again:
            assert psql(again, "SELECT n FROM kept") == "9"


def test_a_slow_recovery_is_waited_for(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = data_dir / "postgres/cluster"
    (cluster / "recovery.signal").touch()
    os.chown(cluster / "recovery.signal", cluster.stat().st_uid, cluster.stat().st_gid)
    (data_dir / "postgres/custom.conf").write_text(
        "restore_command = 'while [ ! -e go ]; do sleep 0.1; done; false'\nhot_standby = off\n"
    )
    with holder_of_start(data_dir):
        eventually(lambda: "was shut down at" in Home(data_dir / "postgres").log_tail(lines=1))
    # Neither the death of its user nor impatience stops it.
    monkeypatch.setattr(embedded, "PROGRESS_EVERY", 0.1)
    said: list[str] = []
    with (
        pytest.raises(ConfigurationError, match=r"not ready after 1 s .*was shut down at"),
        embedded.running(data_dir, timeout=0.6, on_progress=said.append),
    ):
        pass
    assert len(said) > 2
    assert all("was shut down at" in message for message in said)
    before = postmaster(data_dir)
    assert not before.ready
    threading.Timer(0.5, (cluster / "go").touch).start()
    with embedded.running(data_dir) as url:
        assert postmaster(data_dir).pid == before.pid
        assert psql(url, "SELECT count(*) FROM kept") == "0"


def test_nothing_runs_where_it_never_ran(empty_dir: Path) -> None:
    assert not embedded.is_running(empty_dir)
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
            file.write(b"x" * (LOG_LIMIT + 1))
        eventually(lambda: log.stat().st_size < MB)
        assert (data_dir / "postgres/postgres.log.1").stat().st_size > LOG_LIMIT
    end(data_dir)
    assert "shut down" in log.read_text()  # still written to, from its start


def test_secrets_do_not_reach_processes_that_stay(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_hex()
    monkeypatch.setenv("LUMA_LLM_API_KEY", secret)
    with embedded.running(data_dir, grace=GRACE):
        environments = ask_each(processes_of(data_dir), psutil.Process.environ)
        assert len(environments) > 2
        assert not any(secret in environment.values() for _, environment in environments)


def test_connections_suffice_for_several_server_processes() -> None:
    free = MAX_CONNECTIONS - RESERVED_CONNECTIONS
    assert free // (POOL_SIZE + 1) >= 10
    assert f"max_connections = '{MAX_CONNECTIONS}'" in configuration(GB, None, "", 2)


def test_configuration_fits_the_machine() -> None:
    small = configuration(512 * MB, 64 * MB, "", 1)
    assert "shared_buffers = '128MB'" in small
    assert "maintenance_work_mem = '64MB'" in small
    assert "dynamic_shared_memory_type = 'sysv'" in small
    assert "max_parallel_maintenance_workers = '2'" in small
    large = configuration(64 * GB, 32 * GB, "a = 1\n", 12)
    assert "shared_buffers = '4096MB'" in large
    assert "maintenance_work_mem = '2048MB'" in large
    assert "dynamic_shared_memory_type = 'posix'" in large
    assert "max_parallel_maintenance_workers = '6'" in large
    assert large.endswith("\na = 1\n")
