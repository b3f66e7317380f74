"""Unknown query parameters are errors, as unknown fields of bodies: `?scop=mine` must not list everything."""

from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from luma_rag.access import Principal
from luma_rag.errors import FieldError, InvalidInputError

ANY_QUERY = {"any_query": True}
"""The `opt` of a route that others call, with parameters of their own."""
_KNOWN = "query_parameters"
_PREFIX = "/api/"


def record_query_parameters(app: Litestar) -> None:
    """Record for each route which query parameters it has, its dependencies' included."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler, parameters in route.route_handler_map.values():
                known = {each.field_alias for each in parameters.expected_query_params}
                handler.opt = {**handler.opt, _KNOWN: known}


async def reject_unknown_parameters(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: the API has no query parameters that it ignores.

    It is a coroutine because Litestar would call a function in a thread.

    Raises:
        InvalidInputError: a parameter is unknown.
    """
    if "any_query" in handler.opt or not connection.scope["path"].startswith(_PREFIX):
        return
    known = handler.opt.get(_KNOWN, set())
    unknown = [name for name in dict.fromkeys(connection.query_params) if name not in known]
    if unknown:
        allowed = f"has {', '.join(sorted(known))}" if known else "has none"
        raise InvalidInputError(
            "A query parameter is unknown.",
            errors=[FieldError(name, f"is unknown: this address {allowed}") for name in unknown],
        )
