"""The client for scripts."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from luma_rag.chat.history import MessageView
from luma_rag.client import calls
from luma_rag.client.calls import WAIT_SECONDS, Call, T
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.namespace_documents import NamespaceDocument
from luma_rag.documents.uploads import UploadedDocument
from luma_rag.evaluation.question_set import Candidate, KnownQuestion, NewQuestion
from luma_rag.evaluation.report import Comparison
from luma_rag.evaluation.service import FullRun
from luma_rag.namespaces import NamespaceView
from luma_rag.pagination import Page
from luma_rag.retrieval.search import MAX_K, Mode, SearchResult


class Luma:
    """A connection to a service at `url` with the rights of `token`.

    Calls that the service puts off (429, or 503 with `Retry-After`) are made again when it says so. Every
    method raises `ApiError` where the service refuses, and `httpx.TransportError` where it can't be reached.
    """

    def __init__(self, url: str, *, token: str, timeout: float = 300.0) -> None:
        self._http = httpx.Client(base_url=url, headers=calls.headers(token), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def namespaces(self) -> list[NamespaceView]:
        """All that the token reads."""
        return self._all(calls.namespaces)

    def create_namespace(
        self, name: str, *, description: str | None = None, is_public: bool = False
    ) -> NamespaceView:
        """A new namespace."""
        return self._send(calls.create_namespace(name, description, is_public))

    def documents(self, namespace_id: int) -> list[NamespaceDocument]:
        """The documents of a namespace with their latest ingestion."""
        return self._all(lambda offset: calls.documents(namespace_id, offset))

    def upload(self, path: str | Path, *namespace_ids: int, title: str | None = None) -> UploadedDocument:
        """Upload a PDF or DOCX file and queue it for these namespaces; `wait` waits until it is read."""
        path = Path(path)
        with path.open("rb") as file:
            return self._send(calls.upload(namespace_ids, title), files={"file": (path.name, file)})

    def wait(self, document: UploadedDocument) -> list[IngestionView]:
        """Wait until a document is read, or has failed, in every namespace that it was queued for."""
        done = []
        for ingestion in document.ingestions:
            while (now := self._send(calls.ingestion(ingestion.id))).state in calls.UNFINISHED:
                time.sleep(WAIT_SECONDS)
            done.append(now)
        return done

    def search(
        self,
        namespace_id: int,
        query: str,
        *,
        k: int = 5,
        mode: Mode = "hybrid",
        rerank: bool | None = None,
        doc_ids: Sequence[int] | None = None,
        per_document: int | None = None,
    ) -> SearchResult:
        """The `k` best passages; reranked where the service has a reranker and `rerank` is not False.

        `doc_ids` are the only documents to be searched, `per_document` is the most hits that each may have.
        """
        return self._send(calls.search(namespace_id, query, k, mode, rerank, doc_ids, per_document))

    def ask(self, namespace_id: int, question: str) -> MessageView:
        """The answer to a question, in a new chat."""
        chat = self._send(calls.start_chat(namespace_id))
        return (self._send(calls.ask(chat.id, question))).llm_message

    def questions(self, namespace_id: int) -> list[KnownQuestion]:
        """The questions that a namespace is measured with."""
        return self._all(lambda offset: calls.questions(namespace_id, offset))

    def add_questions(self, namespace_id: int, questions: Sequence[NewQuestion]) -> list[KnownQuestion]:
        """Add up to 1,000 questions whose answers stand in known places."""
        return (self._send(calls.add_questions(namespace_id, questions))).items

    def candidates(self, namespace_id: int) -> list[Candidate]:
        """One's own questions in chats whose answers one has judged."""
        return self._all(lambda offset: calls.candidates(namespace_id, offset))

    def evaluate(
        self,
        namespace_id: int,
        *,
        mode: Mode = "hybrid",
        k: int = MAX_K,
        rerank: bool | None = None,
        user_id: int | None = None,
    ) -> FullRun:
        """Ask all questions of the set and measure what is found, with the rights of `user_id` if given."""
        return self._send(calls.evaluate(namespace_id, mode, k, rerank, user_id))

    def compare(self, namespace_id: int, first: FullRun, second: FullRun) -> Comparison:
        """How the second run differs from the first."""
        return self._send(calls.compare(namespace_id, first.id, second.id))

    def _all(self, page: Callable[[int], Call[Page[T]]]) -> list[T]:
        items: list[T] = []
        while True:
            part = self._send(page(len(items)))
            items += part.items
            if not part.items or len(items) >= part.total:
                return items

    def _send(self, call: Call[T], files: Mapping[str, Any] | None = None) -> T:
        tries = 1
        while True:
            response = self._http.request(
                call.method, call.path, json=call.json, params=call.params, data=call.data, files=files
            )
            # A file is read to its end by then: what is uploaded is not sent again.
            seconds = None if files else calls.pause(response, tries)
            if seconds is None:
                return calls.answer(call, response)
            time.sleep(seconds)
            tries += 1
