"""Query parameters that an address doesn't have."""

from pathlib import Path

import pytest

from tests import factories
from tests.api import Api


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/documents?scop=mine", "scop"),
        ("/api/documents?scope=mine&namespace=4", "namespace"),
        ("/api/chats?Limit=1", "Limit"),
        ("/api/auth/me?x", "x"),
    ],
)
async def test_unknown_query_parameters_are_refused(api: Api, path: str, field: str) -> None:
    alice = await api.user("alice")
    answer = await alice.get(path)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_input"
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_an_error_names_the_parameters_that_there_are(api: Api) -> None:
    alice = await api.user("alice")
    (error,) = (await alice.get("/api/documents?scop=mine")).json()["errors"]
    assert "limit, offset, q, scope, sort, state" in error["message"]


async def test_pages_and_other_peoples_addresses_take_any(api: Api) -> None:
    alice = await api.user("alice")
    for path in ("/?utm_source=x", "/health/live?x=1", "/v1/models?api-version=1"):
        assert (await alice.get(path)).status_code == 200, path


@pytest.mark.parametrize("encoded", ["Résumé.pdf".encode(), "Résumé.pdf".encode("latin-1")])
async def test_a_file_name_in_another_encoding_is_understood(
    api: Api, tmp_path: Path, encoded: bytes
) -> None:
    alice = await api.user("alice")
    content = factories.handbook(tmp_path).read_bytes()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + encoded + b'"\r\n\r\n'
    answer = await alice.post(
        "/api/documents",
        content=head + content + b"\r\n--b--\r\n",
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["title"] == "Résumé"
    assert answer.json()["file_metadata"]["original_filename"] == "Résumé.pdf"
