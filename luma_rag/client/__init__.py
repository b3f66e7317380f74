"""Luma from Python programs, over HTTP: `Luma` for scripts, `AsyncLuma` for asyncio.

from luma_rag.client import Luma

with Luma("http://127.0.0.1:8000", token="luma_…") as luma:
    contracts = luma.create_namespace("contracts")
    luma.wait(luma.upload("contract.pdf", contracts.id))
    for hit in luma.search(contracts.id, "notice period").hits:
        print(hit.title, hit.page, hit.text)
"""

from luma_rag.client.asynchronous import AsyncLuma
from luma_rag.client.calls import ApiError
from luma_rag.client.synchronous import Luma

__all__ = ["ApiError", "AsyncLuma", "Luma"]
