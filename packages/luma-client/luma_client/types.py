"""What the service sends. Fields that this version doesn't know are ignored."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from luma_client.errors import Problem

T = TypeVar("T")

Level = Literal[1, 2, 3]
"""What a user may do in a namespace: 1 reads, 2 adds and removes documents, 3 administers."""
Mode = Literal["hybrid", "dense", "lexical"]
Permission = Literal["read", "write"]
Rating = Literal[-1, 0, 1]
Scope = Literal["all", "mine", "shared", "public"]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list with `total` items."""

    items: list[T]
    total: int


class Namespace(msgspec.Struct, frozen=True):
    """A namespace. `auth_level` is the caller's effective level, `user_id` the owner."""

    id: int
    name: str
    description: str | None
    is_public: bool
    user_id: int
    created_at: datetime
    auth_level: int
    documents: int
    chunks: int


class Member(msgspec.Struct, frozen=True):
    """A user with a level in a namespace."""

    user_id: int
    username: str
    auth_level: int


class UserName(msgspec.Struct, frozen=True):
    """As much of a user as is needed to share something with them."""

    id: int
    username: str


class ReadingWarning(msgspec.Struct, frozen=True):
    """A part of a document that was not read, in words and for programs; `pages` if it is about pages."""

    code: str
    text: str
    pages: list[int] = []


class Document(msgspec.Struct, frozen=True):
    """A document. `permission` is the caller's: `write` or `read`; `username` is the owner's.

    `size` is in bytes. `pages` is None until the document has been read, and for documents without;
    `warnings` say what could not be read. `version` counts its files. `state` is only in lists: `ready`,
    `pending`, `failed`, or `unplaced`.
    """

    id: int
    user_id: int
    title: str
    type: str
    is_public: bool
    file_metadata: dict[str, Any]
    uploaded_at: datetime
    permission: str
    # Version 0.1 of the service sends none of these.
    username: str = ""
    size: int = 0
    pages: int | None = None
    warnings: list[ReadingWarning] = []
    state: str | None = None
    # Version 0.3 of the service sends none.
    version: int = 1


class Share(msgspec.Struct, frozen=True):
    """A user with whom a document is shared."""

    user_id: int
    username: str
    permission: str


class DocumentNamespace(msgspec.Struct, frozen=True):
    """A namespace of a document, and the user who added the document; `placed_at` is None if unknown."""

    namespace_id: int
    name: str
    user_id: int
    username: str
    placed_at: datetime | None


class IngestionError(msgspec.Struct, frozen=True):
    """Why a document couldn't be ingested. `code` is a stable name for programs, if the service sends one."""

    text: str
    code: str | None = None


class Ingestion(msgspec.Struct, frozen=True):
    """The way of a document into a namespace.

    `state` is `queued`, `running`, `ready`, or `failed`; `progress` goes from 0 to 1. After a failure that
    may pass, `state` is `queued` again until `next_attempt_at`. Once it is `ready`, `warnings` say what could
    not be read.
    """

    id: int
    doc_id: int
    namespace_id: int
    state: str
    stage: str | None
    progress: float
    chunks: int
    # Version 0.1 of the service sends a text.
    sent_error: IngestionError | str | None = msgspec.field(name="error")
    attempts: int
    created_at: datetime
    updated_at: datetime
    # Version 0.1 of the service sends none of these.
    next_attempt_at: datetime | None = None
    warnings: list[ReadingWarning] = []

    @property
    def error(self) -> IngestionError | None:
        """Why it failed; None unless `state` is `failed`, or `queued` for another attempt."""
        return IngestionError(self.sent_error) if isinstance(self.sent_error, str) else self.sent_error

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens unless it is retried."""
        return self.state not in ("queued", "running")


class HoldingNamespace(msgspec.Struct, frozen=True):
    """A namespace with a document."""

    id: int
    name: str


class UploadedDocument(Document, frozen=True, kw_only=True):
    """A document with the ingestions that its upload queued, one for each namespace.

    `already_in` are the namespaces that the same file was in before.
    """

    ingestions: list[Ingestion]
    # Version 0.1 of the service sends none.
    already_in: list[HoldingNamespace] = []


class NamespaceDocument(Document, frozen=True, kw_only=True):
    """A document in a namespace: the number of its vectors there, its latest ingestion, and who added it."""

    vec_count: int
    ingestion: Ingestion | None
    # Version 0.1 of the service sends neither.
    added_at: datetime | None = None
    added_by: UserName | None = None


class Hit(msgspec.Struct, frozen=True):
    """A chunk that a search found. `rank` and `page` count from 1; not all documents have pages.

    Scores are comparable within one result only.
    """

    vec_id: str
    doc_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    score: float
    rank: int


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds of each stage of a search; None for a stage that didn't run."""

    embed: float | None
    search: float
    rerank: float | None
    total: float


class SearchResult(msgspec.Struct, frozen=True):
    """The hits of a search, best first.

    `is_relevant` says whether any of them is likely to be about the query; None if that can't be determined.
    `reranking` is `off`, `done`, `late`, or `failed`.
    """

    hits: list[Hit]
    took_ms: Timings
    reranking: str
    is_relevant: bool | None = None
    # The name in version 0.1 of the service.
    fits: bool | None = None

    def __post_init__(self) -> None:
        if self.is_relevant is None:
            msgspec.structs.force_setattr(self, "is_relevant", self.fits)


class Chat(msgspec.Struct, frozen=True):
    """A chat of the caller's with a namespace.

    `last_activity_at` is the time of its newest message. `snippet` is the text around the match of a search.
    """

    id: int
    user_id: int
    namespace_id: int
    started_at: datetime
    title: str
    pinned: bool = False
    # Version 0.1 of the service sends none of these.
    last_activity_at: datetime | None = None
    is_running: bool = False
    snippet: str | None = None


class Citation(msgspec.Struct, frozen=True):
    """The source of a statement: `[n]` in the answer. `doc_id` is None if the document was deleted.

    If `is_of_earlier_version`, the quote was taken from an earlier version of the document.
    """

    n: int
    vec_id: str
    doc_id: int | None
    title: str
    page: int | None
    heading: str | None
    quote: str
    score: float
    # Version 0.3 of the service sends none.
    is_of_earlier_version: bool = False


class Feedback(msgspec.Struct, frozen=True):
    """The caller's verdict on an answer."""

    message_id: int
    rating: int
    comment: str | None


class Message(msgspec.Struct, frozen=True):
    """A question (`sender_type` is `user`) or an answer (`LLM`) with its citations.

    `state` is `running`, `complete`, `stopped`, or `failed`; `error` says why the answer is incomplete or
    missing. `answers` is the id of the question, for answers. `versions` are the ids of all versions.
    `feedback` is the caller's, on answers. `reasoning` is what the model thought before the answer; `cut_off`
    says why it ends early: `length` or `content_filter`.
    """

    id: int
    chat_id: int
    sender_type: str
    content: str
    time_sent: datetime
    citations: list[Citation]
    state: str = "complete"
    error: Problem | None = None
    answers: int | None = None
    versions: list[int] = []
    feedback: Feedback | None = None
    reasoning: str | None = None
    cut_off: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer."""

    user_message: Message
    llm_message: Message


class User(msgspec.Struct, frozen=True):
    """A user. `role` is `user` or `admin`."""

    id: int
    username: str
    email: str
    role: str
    created_at: datetime
    updated_at: datetime


class Account(msgspec.Struct, frozen=True):
    """The state of the caller's account. The maxima are the caller's quotas; None is none.

    `required_action` concerns sessions of the page.
    """

    has_second_factor: bool
    required_action: str | None
    documents: int
    bytes: int
    max_documents: int | None
    max_bytes: int | None


class Token(msgspec.Struct, frozen=True):
    """A token without its secret. `namespace_ids` and `max_level` narrow it; None doesn't."""

    id: int
    name: str
    namespace_ids: list[int] | None
    max_level: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A token that was just created. Its secret, `token`, is shown this once."""

    id: int
    name: str
    token: str
    expires_at: datetime | None
