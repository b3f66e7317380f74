"""The calls that both clients make: what is sent, what comes back, and what went wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from luma_rag.chat.history import ChatView, Exchange
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.namespace_documents import NamespaceDocument
from luma_rag.documents.uploads import UploadedDocument
from luma_rag.evaluation.question_set import Candidate, KnownQuestion, NewQuestion
from luma_rag.evaluation.report import Comparison
from luma_rag.evaluation.service import FullRun
from luma_rag.namespaces import NamespaceView
from luma_rag.pagination import MAX_LIMIT, Page
from luma_rag.retrieval.search import Mode, SearchResult

T = TypeVar("T")

MAX_TRIES = 5
"""How often a call is made that the service asks to make again later (429, or 503 with `Retry-After`)."""

WAIT_SECONDS = 0.5
"""How long `wait` sleeps between looks."""


UNFINISHED = ("queued", "running")


class ApiError(Exception):
    """The service refused; `detail` says why and what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A request, and the type of its answer."""

    method: str
    path: str
    kind: type[T]
    json: Any = None
    params: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None


def headers(token: str) -> dict[str, str]:
    """What every request carries."""
    return {"authorization": f"Bearer {token}", "accept": "application/json"}


def pause(response: httpx.Response, tries: int) -> float | None:
    """Seconds to wait before the call is made again; None where its answer stands."""
    if tries >= MAX_TRIES or response.status_code not in (429, 503):
        return None
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None


def answer(call: Call[T], response: httpx.Response) -> T:
    """What the service answered.

    Raises:
        ApiError: it refused.
    """
    if not response.is_success:
        try:
            detail = str(msgspec.json.decode(response.content)["detail"])
        except (msgspec.DecodeError, KeyError, TypeError):
            detail = f"{call.method} {call.path} failed"
        raise ApiError(response.status_code, detail)
    return msgspec.json.decode(response.content, type=call.kind)


def namespaces(offset: int) -> Call[Page[NamespaceView]]:
    return Call("GET", "/api/namespaces", Page[NamespaceView], params=_part(offset))


def create_namespace(name: str, description: str | None, is_public: bool) -> Call[NamespaceView]:
    body = {"name": name, "description": description, "is_public": is_public}
    return Call("POST", "/api/namespaces", NamespaceView, json=body)


def documents(namespace_id: int, offset: int) -> Call[Page[NamespaceDocument]]:
    path = f"/api/namespaces/{namespace_id}/documents"
    return Call("GET", path, Page[NamespaceDocument], params=_part(offset))


def upload(namespace_ids: Sequence[int], title: str | None) -> Call[UploadedDocument]:
    data = {"namespace_id": [str(i) for i in namespace_ids]} | ({} if title is None else {"title": title})
    return Call("POST", "/api/documents", UploadedDocument, data=data)


def ingestion(ingestion_id: int) -> Call[IngestionView]:
    return Call("GET", f"/api/ingestions/{ingestion_id}", IngestionView)


def search(
    namespace_id: int,
    query: str,
    k: int,
    mode: Mode,
    rerank: bool | None,
    doc_ids: Sequence[int] | None,
    per_document: int | None,
) -> Call[SearchResult]:
    body = {
        "query": query,
        "k": k,
        "mode": mode,
        "rerank": rerank,
        "doc_ids": None if doc_ids is None else list(doc_ids),
        "per_document": per_document,
    }
    return Call("POST", f"/api/namespaces/{namespace_id}/search", SearchResult, json=body)


def start_chat(namespace_id: int) -> Call[ChatView]:
    return Call("POST", "/api/chats", ChatView, json={"namespace_id": namespace_id})


def ask(chat_id: int, question: str) -> Call[Exchange]:
    return Call("POST", f"/api/chats/{chat_id}/messages", Exchange, json={"content": question})


def questions(namespace_id: int, offset: int) -> Call[Page[KnownQuestion]]:
    path = f"/api/namespaces/{namespace_id}/questions"
    return Call("GET", path, Page[KnownQuestion], params=_part(offset))


def add_questions(namespace_id: int, new: Sequence[NewQuestion]) -> Call[Page[KnownQuestion]]:
    body = {"questions": [msgspec.to_builtins(question) for question in new]}
    return Call("POST", f"/api/namespaces/{namespace_id}/questions", Page[KnownQuestion], json=body)


def candidates(namespace_id: int, offset: int) -> Call[Page[Candidate]]:
    path = f"/api/namespaces/{namespace_id}/questions/candidates"
    return Call("GET", path, Page[Candidate], params=_part(offset))


def evaluate(
    namespace_id: int, mode: Mode, k: int, rerank: bool | None, user_id: int | None
) -> Call[FullRun]:
    body = {"mode": mode, "k": k, "rerank": rerank, "user_id": user_id}
    return Call("POST", f"/api/namespaces/{namespace_id}/evaluations", FullRun, json=body)


def compare(namespace_id: int, first_id: int, second_id: int) -> Call[Comparison]:
    path = f"/api/namespaces/{namespace_id}/evaluations/{first_id}/compare/{second_id}"
    return Call("GET", path, Comparison)


def _part(offset: int) -> dict[str, int]:
    return {"limit": MAX_LIMIT, "offset": offset}
