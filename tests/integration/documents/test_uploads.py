"""Stored files: durable before their document is committed, and gone without one."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError

from luma_rag.access import Principal
from luma_rag.db.models import Document, User
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import pending_files, service, uploads
from luma_rag.documents.pending_files import removing_files
from luma_rag.documents.storage import FileStorage
from luma_rag.documents.uploads import Added, Upload
from luma_rag.errors import ForbiddenError, TooLargeError, UnsupportedTypeError
from luma_rag.runtime import Store
from tests import factories
from tests.stored_files import assert_files_are_consistent

# The check of a deferred trigger runs inside COMMIT.
AT_COMMIT = """
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR DELETE ON document DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION at_commit();
"""


@pytest.fixture
async def alice(store: Store) -> Principal:
    async with store.sessions.begin() as session:
        user = User(username="alice", email="a@example.com", password="-", role="admin")
        session.add(user)
        await session.flush()
        return Principal(user.id, "user")


@pytest.fixture
def body(tmp_path: Path) -> bytes:
    return factories.pdf(tmp_path / "rules.pdf", "Rules", "Wash your hands.").read_bytes()


async def receive(store: Store, body: bytes) -> Upload:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    return await uploads.receive(store.storage, pieces(), "rules.pdf")


async def upload(store: Store, principal: Principal, body: bytes, sessions: Sessions | None = None) -> Added:
    received = await receive(store, body)
    with received.pending:
        return await uploads.store(
            sessions or store.sessions, store.storage, principal, received, "rules.pdf", namespace_ids=[]
        )


async def at_commit(store: Store, body: str) -> None:
    async with store.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(AT_COMMIT.format(body=body))


async def test_whole_file_is_on_disk_before_its_name_and_its_document(
    store: Store, alice: Principal, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []
    sync = os.fsync

    def watch(descriptor: int) -> None:
        sync(descriptor)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(store.storage.path(""))
        synced.append((str(name), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", watch)
    received = await receive(store, body)
    path = received.stored.path
    assert [name for name, _ in synced] == ["pending", path, str(Path(path).parent), "."]
    assert synced[1] == (path, len(body))
    assert store.storage.path(path).read_bytes() == body
    received.pending.discard()


async def test_a_file_stays_with_its_document_and_goes_with_it(
    store: Store, alice: Principal, body: bytes
) -> None:
    added = await upload(store, alice, body)
    assert added.is_new
    # The same bytes are the same document, and the second file is not needed.
    assert not (await upload(store, alice, body)).is_new
    assert await assert_files_are_consistent(store.sessions, store.storage) == 1
    async with removing_files(store.sessions, store.storage) as (session, remove):
        remove(await service.remove(session, alice, added.document.id))
    assert list(store.storage.files()) == []
    assert await assert_files_are_consistent(store.sessions, store.storage) == 0


async def test_nothing_stays_of_a_refused_upload(store: Store, alice: Principal, body: bytes) -> None:
    with pytest.raises(UnsupportedTypeError):
        await upload(store, alice, b"\0no document")
    with pytest.raises(ForbiddenError):
        await upload(store, Principal(alice.user_id, "user", max_level=1), body)
    small = FileStorage(store.storage.path(""), max_bytes=10)
    with pytest.raises(TooLargeError):
        await receive(msgspec.structs.replace(store, storage=small), body)
    assert list(store.storage.files()) == []
    assert list(store.storage.path("pending").iterdir()) == []


async def test_a_failed_commit_leaves_no_file(store: Store, alice: Principal, body: bytes) -> None:
    await at_commit(store, "RAISE 'no commit';")
    with pytest.raises(DBAPIError, match="no commit"):
        await upload(store, alice, body)
    assert list(store.storage.files()) == []
    assert list(store.storage.path("pending").iterdir()) == []


async def test_a_failed_deletion_leaves_the_file(store: Store, alice: Principal, body: bytes) -> None:
    added = await upload(store, alice, body)
    await at_commit(store, "RAISE 'no commit';")
    with pytest.raises(DBAPIError, match="no commit"):
        async with removing_files(store.sessions, store.storage) as (session, remove):
            remove(await service.remove(session, alice, added.document.id))
    assert await assert_files_are_consistent(store.sessions, store.storage) == 1


@pytest.mark.parametrize("succeeds", [True, False])
async def test_after_a_connection_lost_during_commit_the_database_decides(
    store: Store, alice: Principal, body: bytes, tmp_path: Path, succeeds: bool
) -> None:
    # The commit goes on while Luma has lost the connection.
    await at_commit(store, "PERFORM pg_sleep(0.7);" + ("" if succeeds else "RAISE 'no commit';"))
    async with cut_at_commit(store.url, tmp_path) as url:
        engine = create_engine(url)
        with pytest.raises(DBAPIError):
            await upload(store, alice, body, create_sessions(engine))
        await engine.dispose()
    assert len(list(store.storage.files())) == succeeds
    assert await assert_files_are_consistent(store.sessions, store.storage) == succeeds


async def test_after_a_connection_lost_during_a_deletion_the_database_decides(
    store: Store, alice: Principal, body: bytes, tmp_path: Path
) -> None:
    added = await upload(store, alice, body)
    await at_commit(store, "PERFORM pg_sleep(0.7);")
    async with cut_at_commit(store.url, tmp_path) as url:
        engine = create_engine(url)
        with pytest.raises(DBAPIError):
            async with removing_files(create_sessions(engine), store.storage) as (session, remove):
                remove(await service.remove(session, alice, added.document.id))
        await engine.dispose()
    assert list(store.storage.files()) == []
    assert await assert_files_are_consistent(store.sessions, store.storage) == 0


async def test_a_cancelled_upload_leaves_no_file(store: Store, alice: Principal, body: bytes) -> None:
    await at_commit(store, "PERFORM pg_sleep(0.7); RAISE 'no commit';")
    uploading = asyncio.create_task(upload(store, alice, body))
    while not await _is_committing(store):
        await asyncio.sleep(0.01)
    uploading.cancel()
    with suppress(asyncio.CancelledError, DBAPIError):
        await uploading
    assert list(store.storage.files()) == []
    assert list(store.storage.path("pending").iterdir()) == []


async def test_sweep_settles_only_what_a_dead_process_left(
    store: Store, alice: Principal, body: bytes
) -> None:
    kept = await upload(store, alice, body)
    async with store.sessions.begin() as session:
        path = await session.scalar(select(Document.file_path).where(Document.id == kept.document.id))
    assert path is not None
    dead, alive = await receive(store, body + b"1"), await receive(store, body + b"2")
    committed = store.storage.pend(path)
    # The death of a process closes its descriptors.
    dead.pending.release()
    committed.release()
    await pending_files.sweep(store.sessions, store.storage)
    assert {file.path for file in store.storage.files()} == {path, alive.stored.path}
    with alive.pending:
        await uploads.store(store.sessions, store.storage, alice, alive, "2.pdf", namespace_ids=[])
    assert await assert_files_are_consistent(store.sessions, store.storage) == 2


async def test_sweep_finishes_the_deletion_of_a_dead_process(
    store: Store, alice: Principal, body: bytes
) -> None:
    await upload(store, alice, body)
    async with store.sessions.begin() as session:
        path = (await session.scalars(delete(Document).returning(Document.file_path))).one()
        deleting = store.storage.pend(path)
    deleting.release()
    await pending_files.sweep(store.sessions, store.storage)
    assert list(store.storage.files()) == []


async def test_sweep_without_a_database_decides_nothing(store: Store, body: bytes) -> None:
    (await receive(store, body)).pending.release()
    gone = create_engine("postgresql://luma@127.0.0.1:1/luma")
    await pending_files.sweep(create_sessions(gone), store.storage)
    await gone.dispose()
    assert len(list(store.storage.files())) == 1
    await pending_files.sweep(store.sessions, store.storage)
    assert list(store.storage.files()) == []


async def test_sweep_removes_what_earlier_releases_left(store: Store) -> None:
    incoming = store.storage.path("incoming")
    incoming.mkdir()
    (incoming / "old").write_bytes(b"half")
    await pending_files.sweep(store.sessions, store.storage)
    assert (incoming / "old").exists()
    os.utime(incoming / "old", (0, 0))
    await pending_files.sweep(store.sessions, store.storage)
    assert not incoming.exists()


@asynccontextmanager
async def cut_at_commit(url: str, folder: Path) -> AsyncGenerator[str]:
    """The URL of a way to the database that breaks once, after it has passed on a COMMIT."""
    (host,) = re.findall(r"host=([^&]+)", url)
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []
    is_cut = asyncio.Event()

    async def forward(reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            to.write(data)
            await to.drain()
            if b"COMMIT" in data and not is_cut.is_set():
                is_cut.set()
                for writer in writers:
                    writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(f"{unquote(host)}/.s.PGSQL.5432")
        writers.append(writer)
        tasks.append(asyncio.create_task(forward(reader, far_writer)))
        tasks.append(asyncio.create_task(forward(far_reader, writer)))
        await asyncio.wait(tasks[-2:], return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far_writer):
            end.close()

    proxy = await asyncio.start_unix_server(connected, folder / ".s.PGSQL.5432")
    try:
        yield url.replace(host, quote(str(folder), safe=""))
        assert is_cut.is_set()
    finally:
        proxy.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _is_committing(store: Store) -> bool:
    async with store.sessions.begin() as session:
        waiting = await session.scalar(
            select(func.count()).select_from(text("pg_stat_activity")).where(text("wait_event = 'PgSleep'"))
        )
        return bool(waiting)
