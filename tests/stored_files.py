"""The consistency of stored files with the database."""

from sqlalchemy import text

from luma_rag.db.session import Sessions
from luma_rag.documents import pending_files
from luma_rag.documents.storage import FileStorage
from luma_rag.verify import verify


async def assert_files_are_consistent(sessions: Sessions, storage: FileStorage) -> int:
    """After a start of Luma: nothing is pending, every file has its document, and every document its file.

    Returns the number of documents.
    """
    await pending_files.sweep(sessions, storage)
    assert list(storage.path("pending").iterdir()) == []
    async with sessions.begin() as session:
        paths = (await session.scalars(text("SELECT file_path FROM document"))).all()
    assert sorted(file.path for file in storage.files()) == sorted(paths)
    assert (await verify(sessions, storage, deep=True)).findings == []
    return len(paths)
