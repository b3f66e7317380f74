"""Health checks."""

import msgspec
from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from luma_rag.http.authentication import PUBLIC
from luma_rag.http.dependencies import RuntimeDependency


class Health(msgspec.Struct, frozen=True):
    """`status` is `ok` or `failing`. `checks` has `ok` or the failure of each part."""

    status: str
    checks: dict[str, str]


@get("/live", opt=PUBLIC)
async def live() -> Health:
    """Check that the process responds."""
    return Health("ok", {})


@get(
    "/ready",
    opt=PUBLIC,
    responses={
        HTTP_503_SERVICE_UNAVAILABLE: ResponseSpec(
            Health, description="`checks` names the failing parts.", generate_examples=False
        )
    },
)
async def ready(runtime: RuntimeDependency) -> Response[Health]:
    """Check the database and its connections, the free disk space, the embedder and the workers."""
    checks = await runtime.checks()
    is_ok = all(result == "ok" for result in checks.values())
    return Response(
        Health("ok" if is_ok else "failing", checks),
        status_code=HTTP_200_OK if is_ok else HTTP_503_SERVICE_UNAVAILABLE,
        headers={} if is_ok else {"Retry-After": "5"},
    )


router = Router("/health", route_handlers=[live, ready], tags=["operations"])
