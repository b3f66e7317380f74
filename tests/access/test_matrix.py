"""Every call, by everybody, on what is private and what is public: the rules of access against the service.

The rules are in `tests.access.matrix`. Each cell is one call in this process, and is rolled back.
"""

import re
from collections import Counter
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import text

from ingest.embedding import Embedder
from luma_rag.db.base import Base
from luma_rag.evaluation import measures
from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime, Store
from luma_rag.settings import Settings
from tests import factories
from tests.access.matrix import CALLS, KINDS, Call, Kind, can_differ, expected
from tests.access.world import SUBJECTS, World, make_world
from tests.one_transaction import InProcess, in_process

CELLS = [
    pytest.param(call, name, kind, id=f"{call.name}, {name}, {kind.name}")
    for kind in KINDS
    for call in CALLS
    if can_differ(call, kind)
    for name in SUBJECTS
]


class Matrix(msgspec.Struct, frozen=True):
    """The service with a client, a world of each kind, and the bytes of a PDF to upload."""

    service: InProcess
    client: httpx.AsyncClient
    worlds: dict[Kind, World]
    handbook: bytes


@pytest.fixture(scope="module")
async def matrix(
    shared_store: Store, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Matrix]:
    # Rights don't depend on how narrow the intervals of an evaluation are.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_RESAMPLES", 50)
        async with in_process(shared_store, embedder) as service, service.client() as client:
            # Outside of the transaction that each call is rolled back with.
            worlds = {
                kind: await make_world(
                    service.runtime,
                    namespace_is_public=kind.namespace_is_public,
                    document_is_public=kind.document_is_public,
                )
                for kind in KINDS
            }
            yield Matrix(
                service, client, worlds, factories.handbook(tmp_path_factory.mktemp("matrix")).read_bytes()
            )


def test_every_call_has_its_rule() -> None:
    # The routes don't look at the runtime before they are called.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    routes = {
        f"{method} {re.sub(r'{.*?}', '{}', route.path)}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/api", "/v1", "/metrics"))
        for method in route.methods - {"OPTIONS"}
    }
    rows = {re.sub(r"{.*?}", "{}", call.call) for call in CALLS}
    assert rows == routes


def test_every_cell_has_a_name_of_its_own() -> None:
    names = Counter(str(cell.id) for cell in CELLS)
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize(("call", "name", "kind"), CELLS)
async def test_the_rules_hold(matrix: Matrix, call: Call, name: str, kind: Kind) -> None:
    world = matrix.worlds[kind]
    wanted = expected(call, SUBJECTS[name], kind)
    async with matrix.service.database.rolled_back():
        answer = await _send(matrix, call, world, name)
    got = "ok" if answer.is_success else answer.status_code
    assert got == wanted, answer.text[:200]
    if got != "ok":
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_call_leaves_the_world_as_it_was(matrix: Matrix) -> None:
    kind = Kind(namespace_is_public=False, document_is_public=False)
    world, removal = (
        matrix.worlds[kind],
        next(c for c in CALLS if c.url == "/api/users/{owner}?contents=remove"),
    )
    before = await _rows(matrix)
    for _ in range(2):
        async with matrix.service.database.rolled_back():
            assert (await _send(matrix, removal, world, "admin")).status_code == 204
            assert await _rows(matrix) != before
        assert await _rows(matrix) == before


async def _rows(matrix: Matrix) -> dict[str, int]:
    """How many rows each table has."""
    async with matrix.service.runtime.sessions.begin() as session:
        return {
            name: int(await session.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0)
            for name in Base.metadata.tables
        }


async def _send(matrix: Matrix, call: Call, world: World, name: str) -> httpx.Response:
    # A transaction that is rolled back does not bring back the file that it has removed.
    matrix.service.runtime.storage.path(world.file_path).write_bytes(b"%PDF")
    method, path = call.call.split()
    url = _filled(call.url or path, world)
    client, headers = matrix.client, world.headers[name]
    # A client keeps cookies, and with them the previous caller.
    client.cookies.clear()
    if call.form is None:
        content = {} if call.json is None else {"json": _filled(call.json, world)}
        return await client.request(method, url, headers=headers, **content)
    form = {key: str(_filled(value, world)) for key, value in call.form.items()}
    return await client.request(
        method, url, headers=headers, data=form, files={"file": ("handbook.pdf", matrix.handbook)}
    )


def _filled(value: Any, world: World) -> Any:
    """`{name}` is the id of a thing, alone as a number; `{name.name}` the name of a user."""
    if isinstance(value, dict):
        return {key: _filled(part, world) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, world) for part in value]
    if not isinstance(value, str):
        return value
    names = {f"{name}.name": text for name, text in world.names.items()}
    if value.strip("{}") in world.ids and value.startswith("{"):
        return world.ids[value.strip("{}")]
    return re.sub(r"{(.*?)}", lambda found: str((world.ids | names)[found[1]]), value)
