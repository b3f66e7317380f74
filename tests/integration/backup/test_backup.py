"""A restored store is the one that was backed up, whatever happened meanwhile."""

import asyncio
import io
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from luma_rag.backup import Backup, Restored, back_up, restore
from luma_rag.db import migrate
from luma_rag.db.base import Base
from luma_rag.documents import claims, ingestion
from luma_rag.errors import ConflictError, InvalidInputError
from luma_rag.runtime import Runtime, Store, open_services
from luma_rag.verify import verify
from tests import factories
from tests.api import Api
from tests.integration.backup.conftest import EmptyStore
from tests.integration.db.old_data import record
from tests.integration.documents.test_generations import begin, fill, switch
from tests.library import Library
from tests.servers import serving

ARCHIVES = sorted((Path(__file__).parent / "archives").glob("*.tar"))


def ignore(name: str, size: int) -> None:
    """No progress is wanted."""


async def backed_up(store: Store) -> tuple[Backup, io.BytesIO]:
    output = io.BytesIO()
    made = await back_up(store, output, ignore)
    output.seek(0)
    return made, output


async def restored(store: Store, archive: io.BytesIO) -> Restored:
    archive.seek(0)
    return await restore(store.engine, store.storage, archive, ignore)


async def rows_of(store: Store) -> dict[str, list[str]]:
    """All rows of all tables, as text."""
    async with store.engine.connect() as connection:
        return {
            table: sorted(await connection.scalars(text(f"SELECT t::text FROM {table} t")))
            for table in Base.metadata.tables
            if table not in ("rate_limit", "file_store")
        }


def files_of(store: Store) -> dict[str, bytes]:
    return {file.path: store.storage.path(file.path).read_bytes() for file in store.storage.files()}


async def findings(store: Store) -> list[Any]:
    return (await verify(store.sessions, store.storage, deep=True)).findings


async def test_a_restored_store_is_the_same(api: Api, target: Store) -> None:
    await record.fill(api, await record.revision_of(api))
    before, files = await rows_of(api.runtime), files_of(api.runtime)
    made, archive = await backed_up(api.runtime)
    assert (made.files, made.damaged) == (len(files), [])
    result = await restored(target, archive)
    assert (result.files, result.rows, result.missing) == (made.files, made.rows, [])
    assert await rows_of(target) == before
    assert files_of(target) == files
    assert await findings(target) == []


async def test_vectors_by_several_models_are_restored(library: Library, target: Store) -> None:
    namespace = await library.namespace()
    await library.add(["clover grows"], namespace)
    generation = await begin(library, namespace, 64)
    await fill(library, namespace, generation)
    assert await switch(library, namespace)
    before = await rows_of(library.store)
    await restored(target, (await backed_up(library.store))[1])
    after = await rows_of(target)
    assert after == before
    assert len(after["generation"]) == 2
    assert [len(after[table]) for table in ("generation_vector", "chunk_embedding")] == [1, 1]
    # The library has neither.
    assert {finding.check for finding in await findings(target)} == {"missing-file", "no-administrator"}


async def test_ids_of_what_was_deleted_are_not_used_again(api: Api, target: Store) -> None:
    alice = await api.admin()
    namespaces = [await api.namespace(alice) for _ in range(3)]
    assert (await alice.delete(f"/api/namespaces/{namespaces[-1]}")).status_code == 204
    await restored(target, (await backed_up(api.runtime))[1])
    async with (
        open_services(target, api.runtime.embedder) as runtime,
        serving(runtime) as base_url,
        Api(base_url, runtime) as again,
    ):
        new = await again.namespace(await again.sign_in("root"), name="new")
    assert new > namespaces[-1]


async def test_an_empty_store_is_restored(runtime: Runtime, target: Store) -> None:
    await restored(target, (await backed_up(runtime))[1])
    assert await findings(target) == []


async def test_a_migrated_store_without_accounts_is_empty(api: Api, target: Store) -> None:
    await api.admin()
    await migrate.upgrade(target.engine)
    await restored(target, (await backed_up(api.runtime))[1])
    assert await rows_of(target) == await rows_of(api.runtime)


@pytest.mark.slow
async def test_a_store_in_use_is_backed_up(api: Api, empty_store: EmptyStore, tmp_path: Path) -> None:
    """Each of several backups, during uploads, ingestion, answers, and deletions, is consistent."""
    alice = await api.admin()
    namespace = await api.namespace(alice)
    await api.upload(alice, factories.handbook(tmp_path), namespace)
    writing = asyncio.create_task(_keep_writing(api, alice, namespace, tmp_path))
    archives = []
    for _ in range(4):
        made, archive = await backed_up(api.runtime)
        assert made.damaged == []
        archives.append((made, archive))
        # So that each sees another part of the writer's round.
        await asyncio.sleep(0.3)
    assert not writing.done(), writing.exception()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    for _, archive in archives:
        target = await empty_store()
        assert (await restored(target, archive)).missing == []
        assert await findings(target) == []
    assert len({made.rows for made, _ in archives}) > 1


async def _keep_writing(api: Api, alice: httpx.AsyncClient, namespace: int, folder: Path) -> None:
    chat = (await alice.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    number = 0
    while True:
        number += 1
        path = factories.pdf(folder / f"{number}.pdf", f"Bees number {number} like clover.")
        new = await api.upload(alice, path, namespace)
        await alice.post(f"/api/chats/{chat}/messages", json={"content": "What do bees like?"})
        assert (await alice.delete(f"/api/documents/{new}")).status_code == 204


async def test_documents_that_come_and_go_meanwhile_leave_no_gap(
    api: Api, target: Store, tmp_path: Path
) -> None:
    """Deletes documents just before their files are copied: before the snapshot, and within it."""
    alice = await api.admin()
    kept, first = await _upload(alice, tmp_path, "kept"), await _upload(alice, tmp_path, "first")
    loop = asyncio.get_running_loop()
    late: list[int] = []
    calls = 0

    async def change() -> None:
        if calls == 1:
            await _delete(alice, first)
            late.extend([await _upload(alice, tmp_path, f"late {n}") for n in range(3)])
        else:
            await _delete(alice, *late)

    def on_progress(name: str, size: int) -> None:
        nonlocal calls
        calls += 1
        # Once while the first files are copied, and once while the late ones are.
        if name == "files" and (calls == 1 or late):
            asyncio.run_coroutine_threadsafe(change(), loop).result(60)
            late.clear() if calls > 1 else None

    output = io.BytesIO()
    made = await back_up(api.runtime, output, on_progress)
    assert calls > 2
    assert made.damaged == []
    assert (await restored(target, output)).missing == []
    assert files_of(target) == files_of(api.runtime)
    async with target.engine.connect() as connection:
        assert list(await connection.scalars(text("SELECT id FROM document"))) == [kept]
    assert await findings(target) == []


async def _upload(owner: httpx.AsyncClient, folder: Path, name: str, *namespaces: int) -> int:
    content = factories.pdf(folder / f"{name}.pdf", name).read_bytes()
    data = {"namespace_id": [str(namespace) for namespace in namespaces]}
    answer = await owner.post("/api/documents", files={"file": (f"{name}.pdf", content)}, data=data)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def _delete(owner: httpx.AsyncClient, *documents: int) -> None:
    for document in documents:
        assert (await owner.delete(f"/api/documents/{document}")).status_code == 204


async def test_lost_and_changed_files_are_reported_and_the_rest_is_backed_up(
    api: Api, target: Store, tmp_path: Path
) -> None:
    alice = await api.admin()
    for name in ("a", "b", "c"):
        await _upload(alice, tmp_path, name)
    lost, changed, _ = sorted(files_of(api.runtime))
    api.runtime.storage.remove(lost)
    api.runtime.storage.path(changed).write_bytes(b"other")
    made, archive = await backed_up(api.runtime)
    assert (made.files, made.damaged) == (2, [lost, changed])
    assert (await restored(target, archive)).missing == [lost]
    assert {finding.check: finding.count for finding in await findings(target)} == {
        "missing-file": 1,
        "changed-file": 1,
    }


async def test_a_document_in_progress_is_queued_after_the_restore(
    api: Api, target: Store, tmp_path: Path
) -> None:
    alice = await api.admin()
    namespace = await api.namespace(alice)
    await _upload(alice, tmp_path, "a", namespace)
    async with api.runtime.engine.connect() as worker, api.runtime.sessions.begin() as session:
        assert await claims.claim(session, await ingestion.register_worker(worker)) is not None
        await session.commit()
        _, archive = await backed_up(api.runtime)
        await worker.invalidate()
    await restored(target, archive)
    assert await findings(target) == []
    async with target.engine.connect() as connection:
        assert await connection.scalar(text("SELECT state FROM ingestion")) == "queued"


@pytest.fixture
async def archive(api: Api) -> io.BytesIO:
    """A backup of a store with every kind of row."""
    await record.fill(api, await record.revision_of(api))
    return (await backed_up(api.runtime))[1]


async def test_any_damage_is_noticed_and_leaves_the_store_empty(archive: io.BytesIO, target: Store) -> None:
    sound = archive.getvalue()
    with tarfile.open(fileobj=archive) as opened:
        members = {member.name.partition("/")[0]: member for member in opened.getmembers()}
    assert members.keys() == {"luma.json", "files", "tables", "manifest.json"}
    damaged = [b"", b"no archive at all" * 1000, sound[:100]]
    for member in members.values():
        middle = member.offset_data + member.size // 2
        damaged += [
            # A flipped bit, the end of the archive, and a member that is left out.
            sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :],
            sound[: member.offset],
            sound[: member.offset] + sound[_end(member.offset_data + member.size) :],
        ]
    for content in damaged:
        with pytest.raises(InvalidInputError):
            await restored(target, io.BytesIO(content))
        assert files_of(target) == {}
    assert (await restored(target, archive)).missing == []
    assert await findings(target) == []


def _end(offset: int) -> int:
    return -(-offset // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


@pytest.mark.parametrize("name", ["files/../../outside", "/outside", "tables/users/000002.gz", "other"])
async def test_a_member_of_someone_else_is_refused(
    archive: io.BytesIO, target: Store, tmp_path: Path, name: str
) -> None:
    changed = io.BytesIO()
    with tarfile.open(fileobj=archive) as source, tarfile.open(fileobj=changed, mode="w") as out:
        for member in source:
            out.addfile(member, source.extractfile(member))
            if member.name.startswith(name.partition("/")[0]) or member.name == "luma.json":
                out.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(InvalidInputError):
        await restored(target, changed)
    assert not list(tmp_path.rglob("outside"))


async def test_only_an_empty_store_that_is_not_in_use_is_restored(
    archive: io.BytesIO, target: Store, runtime: Runtime
) -> None:
    with pytest.raises(ConflictError, match="database is not empty"):
        await restored(runtime, archive)
    stray = target.storage.path("ab/abcdef")
    stray.parent.mkdir()
    stray.write_bytes(b"precious")
    with pytest.raises(ConflictError, match="contains files"):
        await restored(target, archive)
    assert stray.read_bytes() == b"precious"
    stray.unlink()
    async with target.engine.connect(), target.engine.connect():
        pass  # leaves two connections open in the pool
    with pytest.raises(ConflictError, match="Another process"):
        await restored(target, archive)
    await target.engine.dispose()
    await restored(target, archive)


async def test_what_a_killed_restore_left_does_not_matter(archive: io.BytesIO, target: Store) -> None:
    left = target.storage.path("restore.partial") / "ab" / "abcdef"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    await restored(target, archive)
    assert not left.exists()
    assert await findings(target) == []


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.stem)
async def test_a_backup_of_an_older_version_is_restored(path: Path, target: Store, runtime: Runtime) -> None:
    result = await restored(target, io.BytesIO(path.read_bytes()))
    assert result.missing == []
    assert await findings(target) == []
    async with (
        open_services(target, runtime.embedder) as services,
        serving(services) as base_url,
        Api(base_url, services) as api,
    ):
        alice = await api.sign_in("alice")
        listed = (await alice.get("/api/namespaces")).json()["items"]
        papers = next(item["id"] for item in listed if item["name"] == "papers")
        await api.work()
        for query, title in (
            ("When are the roses pruned?", "Garden"),
            ("When is the pond cleaned?", "Waiting"),
        ):
            found = await alice.post(f"/api/namespaces/{papers}/search", json={"query": query})
            assert found.json()["hits"][0]["title"] == title


async def test_a_backup_of_a_newer_version_is_refused(
    archive: io.BytesIO, target: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "revisions", lambda: {"0001"})
    with pytest.raises(InvalidInputError, match="newer version"):
        await restored(target, archive)
