"""`luma reindex` is killed again and again, and each time it continues where it was."""

import asyncio
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from luma_rag.runtime import Store
from luma_rag.verify import verify
from tests.api import PASSWORD
from tests.luma_command import Luma

DOCUMENTS = 24
KILLS = 3
_DONE = text("SELECT count(DISTINCT doc_id) FROM generation_vector")


async def test_a_killed_reindex_continues(
    luma_process: Luma, environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for i in range(DOCUMENTS):
        lines = [f"Garden {i} has pond {i * j}, which gardener {j} cleans in week {j}." for j in range(60)]
        (folder / f"garden {i}.txt").write_text("\n\n".join(lines))
    named = ("users", "add", "root", "root@example.com", "--admin", "--password-stdin")
    assert luma_process(*named, input=PASSWORD).returncode == 0
    assert luma_process("ingest", str(folder), "-n", "gardens").returncode == 0
    arguments = ("reindex", "--namespace", "gardens", "--model", "float32", "--json")

    async def done() -> int:
        async with store.sessions.begin() as session:
            return await session.scalar(_DONE) or 0

    for kill in range(KILLS):
        command = [Path(sys.executable).with_name("luma"), *arguments]
        process = subprocess.Popen(command, env=environment)  # noqa: ASYNC220 - nothing else runs
        before = await done()
        while await done() <= before:
            assert process.poll() is None, f"it ended before kill {kill}"
            await asyncio.sleep(0.1)
        process.kill()
        process.wait()
        searched = luma_process("search", "gardens", "pond 7", "--mode", "dense", "--json")
        assert searched.returncode == 0
    before = await done()
    assert before < DOCUMENTS
    ended = luma_process(*arguments, "--switch")
    assert ended.returncode == 0, ended.stderr
    assert f'"documents": {DOCUMENTS - before}' in ended.stdout
    assert await done() == DOCUMENTS
    assert (await verify(store.sessions, store.storage, deep=True)).findings == []
