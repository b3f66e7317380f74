"""A database and the folder of its files belong together."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest

from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, User
from luma_rag.errors import WrongFilesError
from luma_rag.settings import Settings
from luma_rag.store import open_store
from tests.luma_command import Luma


async def open_once(settings: Settings, *, adopts_files: bool = False) -> None:
    async with open_store(settings, adopts_files=adopts_files):
        pass


async def add_document(settings: Settings) -> None:
    async with open_store(settings) as store:
        path = store.storage.path("ab/cdef")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%PDF")
        async with store.sessions.begin() as session:
            user = User(username="alice", email="a@example.com", password="-", role="admin")
            session.add(user)
            await session.flush()
            session.add(
                Document(
                    user_id=user.id,
                    title="d",
                    file_path="ab/cdef",
                    file_metadata={"size": 4, "sha256": "1"},
                    type="pdf",
                    uploaded_at=utcnow(),
                )
            )


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The same database on a host with a folder of its own."""
    return msgspec.structs.replace(settings, data_dir=tmp_path / "elsewhere")


async def test_hosts_with_one_database_share_the_folder(settings: Settings, elsewhere: Settings) -> None:
    await asyncio.gather(*(open_once(settings) for _ in range(4)))
    await open_once(settings)
    with pytest.raises(WrongFilesError, match=r"not the one .* Mount the shared folder .* LUMA_DATA_DIR"):
        await open_once(elsewhere)
    elsewhere.data_dir.rename(elsewhere.data_dir.with_name("unused"))
    elsewhere.data_dir.symlink_to(settings.data_dir)
    await open_once(elsewhere)


async def test_folder_of_another_database_is_refused(settings: Settings, elsewhere: Settings) -> None:
    await open_once(settings)
    (elsewhere.data_dir / "files").mkdir(parents=True)
    for content in (b"another\n", b"\xff\xfe\0"):
        (elsewhere.data_dir / "files" / "store-id").write_bytes(content)
        with pytest.raises(WrongFilesError, match="belongs to another database"):
            await open_once(elsewhere)


async def test_store_of_an_earlier_release_gets_an_id(settings: Settings, elsewhere: Settings) -> None:
    await add_document(settings)
    await forget_id(settings)
    # The wrong host starts first after the upgrade.
    with pytest.raises(WrongFilesError, match="has none of the files"):
        await open_once(elsewhere)
    await open_once(settings)
    with pytest.raises(WrongFilesError):
        await open_once(elsewhere)


async def test_restored_files_bring_their_id(settings: Settings, elsewhere: Settings) -> None:
    await add_document(settings)
    shutil.copytree(settings.data_dir, elsewhere.data_dir)
    await open_once(elsewhere)


async def test_adopted_folder_replaces_the_former_one(
    settings: Settings, elsewhere: Settings, luma: Luma
) -> None:
    await add_document(settings)
    await open_once(elsewhere, adopts_files=True)
    await open_once(elsewhere)
    with pytest.raises(WrongFilesError):
        await open_once(settings)
    refused = luma("verify", "--json")
    assert refused.returncode == 1
    assert '"wrong_files"' in refused.stdout
    adopted = luma("db", "adopt-files", "--yes")
    assert adopted.returncode == 0, adopted.stderr
    assert luma("verify").returncode == 0


async def forget_id(settings: Settings) -> None:
    async with open_store(settings) as store, store.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("DELETE FROM file_store")
    (settings.data_dir / "files" / "store-id").unlink()
