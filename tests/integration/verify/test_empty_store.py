from luma_rag.runtime import Runtime
from luma_rag.verify import verify


async def test_an_empty_store_passes(runtime: Runtime) -> None:
    assert (await verify(runtime.sessions, runtime.storage, deep=True)).findings == []
