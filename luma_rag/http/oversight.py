"""Records in the audit trail what administrators read."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal, oversight
from luma_rag.http.input import MAX_INT


async def record_reading_of_administrators(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: records administrators who open a document, or open or search a namespace, by ids in the path.

    Changes have events of their own. Routes with the namespace in the body record it themselves.
    """
    is_asking = handler.opt.get("limited") in ("searches", "questions")
    is_reading = connection.scope.get("method") == "GET" or is_asking
    if handler.opt.get("public") or not is_reading or connection.user.role != "admin":
        return
    # Old messages of a chat are the caller's own; only a question reads the namespace.
    names = ("doc_id", "namespace_id", "chat_id") if is_asking else ("doc_id", "namespace_id")
    ids = {name: _id(connection.path_params.get(name)) for name in names}
    if any(ids.values()):
        await oversight.record_reading(connection.app.state.runtime.sessions, connection.user, **ids)


def _id(value: object) -> int | None:
    # Others are rejected by the handler.
    return value if isinstance(value, int) and 1 <= value <= MAX_INT else None
