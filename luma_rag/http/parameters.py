"""Path and query parameters."""

from datetime import datetime
from typing import Annotated, Literal

from litestar.params import PathParameter, QueryParameter

from luma_rag.audit import Action
from luma_rag.documents.listing import Sort, State, StateHere
from luma_rag.documents.service import Scope
from luma_rag.http.input import MAX_INT, NO_NUL
from luma_rag.pagination import MAX_LIMIT

Id = Annotated[int, PathParameter(ge=1, le=MAX_INT)]
ModelName = Annotated[str, PathParameter(max_length=300, pattern=NO_NUL, description="Id or name.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="The maximum number of items.")]
Offset = Annotated[int, QueryParameter(ge=0, le=MAX_INT, description="The number of items to skip.")]
GetOrCreate = Annotated[
    bool, QueryParameter(description="Return the caller's namespace of this name if there is one.")
]
OfPage = Annotated[int | None, QueryParameter(name="page", ge=1, le=MAX_INT, description="Starts at 1.")]
OfNamespace = Annotated[int | None, QueryParameter(name="namespace_id", ge=1, le=MAX_INT)]
OfDocumentText = Annotated[
    str | None,
    QueryParameter(
        name="q",
        min_length=1,
        max_length=200,
        pattern=NO_NUL,
        description="Only documents with this text in the title or in the file name, in any case.",
    ),
]
# Litestar reserves the name `state`.
OfState = Annotated[
    State | None,
    QueryParameter(
        name="state",
        description="Only documents in this state: read, on their way, failed, or in no namespace.",
    ),
]
OfStateHere = Annotated[
    StateHere | None,
    QueryParameter(name="state", description="Only documents in this state: read, on their way, or failed."),
]
SortedBy = Annotated[
    Sort,
    QueryParameter(name="sort", description="The order; with `-` descending. Unknown values come last."),
]
OfChatText = Annotated[
    str | None,
    QueryParameter(
        name="q",
        min_length=1,
        max_length=200,
        pattern=NO_NUL,
        description="Only chats with this text in the title or in a message.",
    ),
]
IsPinned = Annotated[
    bool | None, QueryParameter(name="pinned", description="Only chats that are pinned, or that are not.")
]
OfBranch = Annotated[
    int | None,
    QueryParameter(
        name="branch",
        ge=1,
        le=MAX_INT,
        description="Id of a message: its newest branch, instead of the branch in use.",
    ),
]
OfQuestion = Annotated[
    int | None,
    QueryParameter(
        name="question",
        ge=1,
        le=MAX_INT,
        description="Id of the question to answer, instead of the last one of the branch in use.",
    ),
]
AuditFormat = Annotated[
    Literal["csv", "jsonl"], QueryParameter(name="format", description="Format of the file.")
]
ExportFormat = Annotated[
    Literal["markdown", "json"], QueryParameter(name="format", description="Format of the file.")
]
OfName = Annotated[str, QueryParameter(name="username", max_length=50, pattern=NO_NUL)]
HandTo = Annotated[
    int | None,
    QueryParameter(
        ge=1,
        le=MAX_INT,
        description="The user who becomes the owner of this user's namespaces and documents.",
    ),
]
OfContents = Annotated[
    Literal["remove"] | None,
    QueryParameter(name="contents", description="Also remove the user's namespaces and documents."),
]
# Litestar reserves the name `scope`.
InScope = Annotated[Scope, QueryParameter(name="scope")]
OfRating = Annotated[Literal[-1, 0, 1] | None, QueryParameter(name="rating", description="Only this rating.")]
OfActor = Annotated[
    int | None, QueryParameter(name="actor_id", ge=1, le=MAX_INT, description="The acting user.")
]
OfAction = Annotated[Action | None, QueryParameter(name="action")]
OfDocument = Annotated[int | None, QueryParameter(name="doc_id", ge=1, le=MAX_INT)]
OfUser = Annotated[
    int | None, QueryParameter(name="user_id", ge=1, le=MAX_INT, description="The affected user.")
]
Since = Annotated[
    datetime | None,
    QueryParameter(name="since", description="From this time on, such as 2026-01-31T12:00:00Z."),
]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Before this time.")]
