"""Dependencies of handlers."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.chat.running import Login
from luma_rag.http.authentication import principal_now, still_signed_in
from luma_rag.http.parameters import Limit, Offset
from luma_rag.pagination import DEFAULT_LIMIT, Pagination
from luma_rag.runtime import Runtime

Session = NamedDependency[AsyncSession]
Caller = NamedDependency[Principal]
PaginationDependency = NamedDependency[Pagination]
RuntimeDependency = NamedDependency[Runtime]


async def session(state: State) -> AsyncGenerator[AsyncSession]:
    """One transaction per request: committed when the handler returns, rolled back if it raises.

    The connection is acquired at the first statement.
    """
    runtime: Runtime = state.runtime
    async with runtime.sessions.begin() as transaction:
        yield transaction


async def principal(request: Request[Principal, float, Any]) -> Principal:
    """The caller, after the body was read if the handler takes `data`."""
    return await principal_now(request)


def login_of(request: Request[Principal, float, Any], principal: Principal) -> Login:
    """The caller of a request, for work that outlives it."""
    return Login(principal, partial(still_signed_in, request))


def pagination(limit: Limit = DEFAULT_LIMIT, offset: Offset = 0) -> Pagination:
    """The requested page of a list."""
    return Pagination(limit, offset)


def runtime(state: State) -> Runtime:
    """The services of this process."""
    running: Runtime = state.runtime
    return running


PROVIDERS = {
    "session": Provide(session),
    "principal": Provide(principal),
    "pagination": Provide(pagination, sync_to_thread=False),
    "runtime": Provide(runtime, sync_to_thread=False),
}
