"""The state of the installation, for administrators."""

from litestar import Router, get, post
from litestar.status_codes import HTTP_200_OK

from luma_rag import system
from luma_rag.http.dependencies import Caller, RuntimeDependency
from luma_rag.http.rate_limit import limited
from luma_rag.system import LLMTest, System


@get("/")
async def system_state(principal: Caller, runtime: RuntimeDependency) -> System:
    """Get the state of the installation. A part that fails says so in `problem`. Administrators only."""
    return await system.report(runtime, principal)


@post("/llm/test", status_code=HTTP_200_OK, opt=limited("questions"))
async def test_language_model(principal: Caller, runtime: RuntimeDependency) -> LLMTest:
    """Let the configured language model write a few words. Administrators only."""
    return await system.test_llm(runtime, principal)


router = Router("/api/system", route_handlers=[system_state, test_language_model], tags=["operations"])
