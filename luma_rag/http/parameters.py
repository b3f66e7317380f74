"""What handlers take from the path and the query of a URL."""

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from luma_rag.documents.service import Scope
from luma_rag.http.input import NO_NUL
from luma_rag.paging import MAX_LIMIT

# The ids of the database are Postgres integers.
_MAX_INT = 2**31 - 1

Id = Annotated[int, PathParameter(ge=1, le=_MAX_INT)]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many items at most.")]
Offset = Annotated[int, QueryParameter(ge=0, le=_MAX_INT, description="How many items to pass over.")]
OfPage = Annotated[int | None, QueryParameter(name="page", ge=1, le=_MAX_INT, description="Counted from 1.")]
OfNamespace = Annotated[int | None, QueryParameter(name="namespace_id", ge=1, le=_MAX_INT)]
OfName = Annotated[str, QueryParameter(name="username", max_length=50, pattern=NO_NUL)]
# `scope` is a reserved name of Litestar's.
InScope = Annotated[Scope, QueryParameter(name="scope")]
