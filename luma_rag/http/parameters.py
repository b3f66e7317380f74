"""What handlers take from the path and the query of a URL."""

from datetime import datetime
from typing import Annotated, Literal

from litestar.params import PathParameter, QueryParameter

from luma_rag.audit import Action
from luma_rag.documents.service import Scope
from luma_rag.http.input import MAX_INT, NO_NUL
from luma_rag.pagination import MAX_LIMIT

Id = Annotated[int, PathParameter(ge=1, le=MAX_INT)]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many items at most.")]
Offset = Annotated[int, QueryParameter(ge=0, le=MAX_INT, description="How many items to pass over.")]
OfPage = Annotated[int | None, QueryParameter(name="page", ge=1, le=MAX_INT, description="Counted from 1.")]
OfNamespace = Annotated[int | None, QueryParameter(name="namespace_id", ge=1, le=MAX_INT)]
OfName = Annotated[str, QueryParameter(name="username", max_length=50, pattern=NO_NUL)]
HandTo = Annotated[
    int | None, QueryParameter(ge=1, le=MAX_INT, description="The user who gets what this one owns.")
]
OfContents = Annotated[
    Literal["remove"] | None, QueryParameter(name="contents", description="What this user owns goes too.")
]
# `scope` is a reserved name of Litestar's.
InScope = Annotated[Scope, QueryParameter(name="scope")]
OfActor = Annotated[int | None, QueryParameter(name="actor_id", ge=1, le=MAX_INT, description="Who did it.")]
OfAction = Annotated[Action | None, QueryParameter(name="action")]
OfDocument = Annotated[int | None, QueryParameter(name="doc_id", ge=1, le=MAX_INT)]
OfUser = Annotated[int | None, QueryParameter(name="user_id", ge=1, le=MAX_INT, description="To whom.")]
Since = Annotated[
    datetime | None, QueryParameter(name="since", description="From this time on, e.g. 2026-01-31T12:00:00Z.")
]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Before this time.")]
