"""Records in the audit trail what administrators read."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal, oversight
from luma_rag.http.input import MAX_INT


async def record_reading_of_administrators(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: records administrators who open a document or a namespace, by the ids in the path.

    Changes have events of their own. Routes with the namespace in the body record it themselves.
    """
    is_reading = connection.scope.get("method") == "GET" or handler.opt.get("limited") == "searches"
    if handler.opt.get("public") or not is_reading or not connection.user.is_admin:
        return
    ids = {name: _id(connection.path_params.get(name)) for name in ("doc_id", "namespace_id")}
    if any(ids.values()):
        await oversight.record_reading(connection.app.state.runtime.sessions, connection.user, **ids)


def _id(value: object) -> int | None:
    # Others are rejected by the handler.
    return value if isinstance(value, int) and 1 <= value <= MAX_INT else None
