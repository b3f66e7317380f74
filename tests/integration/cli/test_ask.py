"""`luma ask` shows an answer while it is written."""

import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from luma_rag.chat.messages import CitationView
from luma_rag.chat.service import ChatService
from tests.integration.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("people")
_CITATION = CitationView(1, "7", 3, "[b]handbook", 4, "Vacation", "thirty days", 0.5)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What had been written to standard output each time that the answerer went on."""
    written: list[str] = []

    class Recorder:
        def __init__(self, file: Any) -> None:
            self._file = file
            self.text = ""

        def write(self, text: str) -> int:
            self.text += text
            return int(self._file.write(text))

        def flush(self) -> None:
            self._file.flush()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    async def stream(*_: object) -> AsyncGenerator[str | list[CitationView]]:
        recorder = Recorder(sys.stdout)
        monkeypatch.setattr(sys, "stdout", recorder)
        for piece in ("Thirty", " days\x1b[31m", " [1]."):
            yield piece
            written.append(recorder.text)
        yield [_CITATION]

    monkeypatch.setattr(ChatService, "stream_once", stream)
    return written


def test_pieces_appear_as_they_come_and_citations_at_the_end(command: Command, seen: list[str]) -> None:
    command("namespaces", "create", "papers")
    answer = command("ask", "papers", "How many days?")
    assert answer.code == 0, answer.err
    assert seen == ["Thirty", "Thirty days[31m", "Thirty days[31m [1]."]
    assert answer.out == "Thirty days[31m [1].\n\n[1] [b]handbook, page 4, Vacation\n"


def test_json_is_one_object(command: Command, seen: list[str]) -> None:
    command("namespaces", "create", "papers")
    answer = command("ask", "papers", "How many days?", "--json").json
    assert seen == ["", "", ""]
    assert answer["answer"] == "Thirty days\x1b[31m [1]."
    assert [(citation["title"], citation["page"]) for citation in answer["citations"]] == [("[b]handbook", 4)]
