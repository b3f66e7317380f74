"""Quotas of users and namespaces."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from luma_rag.runtime import Runtime
from luma_rag.settings import QuotaSettings
from tests import factories
from tests.api import Api
from tests.servers import serving

MB = 2**20
Pdf = Callable[..., bytes]


@pytest.fixture
def pdf(tmp_path: Path) -> Pdf:
    """A PDF with this text, filled up to a size."""

    def made(text: str, size: int = 0) -> bytes:
        content = factories.pdf(tmp_path / "made.pdf", text).read_bytes()
        return content + b"%" * (size - len(content))

    return made


@asynccontextmanager
async def limited(runtime: Runtime, **quotas: int) -> AsyncGenerator[Api]:
    """A server with these quotas."""
    settings = msgspec.structs.replace(runtime.settings, quotas=QuotaSettings(**quotas))
    changed = msgspec.structs.replace(runtime, settings=settings)
    async with serving(changed) as url, Api(url, changed) as api:
        yield api


async def upload(client: httpx.AsyncClient, content: bytes, *namespace_ids: int) -> httpx.Response:
    data = {"namespace_id": [str(i) for i in namespace_ids]}
    return await client.post("/api/documents", files={"file": ("x.pdf", content)}, data=data)


def exceeds(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["code"]) == (409, "quota_exceeded"), answer.text
    return str(answer.json()["detail"])


async def usage(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/api/auth/account")).json()
    return {name: found[name] for name in ("documents", "bytes", "max_documents", "max_bytes")}


async def test_documents_of_a_user(runtime: Runtime, pdf: Pdf) -> None:
    async with limited(runtime, user_documents=2) as api:
        alice, bob = await api.user("alice"), await api.user("bob")
        first, second = pdf("one"), pdf("two")
        ids = [(await upload(alice, content)).json()["id"] for content in (first, second)]
        before = {file.path for file in runtime.storage.files()}
        assert "2 of 2 documents" in exceeds(await upload(alice, pdf("three")))
        # Nothing of the refused file stays.
        assert {file.path for file in runtime.storage.files()} == before
        # The same bytes are the same document.
        assert (await upload(alice, first)).status_code == 200
        assert (await upload(bob, first)).status_code == 201
        assert await usage(alice) == {
            "documents": 2, "bytes": len(first) + len(second), "max_documents": 2, "max_bytes": None,
        }  # fmt: skip
        assert (await alice.delete(f"/api/documents/{ids[0]}")).status_code == 204
        assert (await upload(alice, pdf("three"))).status_code == 201


async def test_bytes_of_a_user(runtime: Runtime, pdf: Pdf) -> None:
    async with limited(runtime, user_mb=3) as api:
        alice = await api.user("alice")
        assert (await upload(alice, pdf("one", 2 * MB))).status_code == 201
        assert "2.0 of 3 MB" in exceeds(await upload(alice, pdf("two", MB + 1)))
        assert (await upload(alice, pdf("two", MB))).status_code == 201
        assert await usage(alice) == {
            "documents": 2, "bytes": 3 * MB, "max_documents": None, "max_bytes": 3 * MB,
        }  # fmt: skip


async def test_file_beyond_the_whole_quota_is_not_received(runtime: Runtime) -> None:
    async with limited(runtime, user_mb=1) as api:
        alice = await api.user("alice")
        url = httpx.URL(api.base_url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        headers = {
            "host": url.netloc.decode(),
            "cookie": f"luma_session={alice.cookies['luma_session']}",
            "x-csrftoken": alice.headers["x-csrftoken"],
            "content-type": "multipart/form-data; boundary=x",
            "content-length": str(3 * MB),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        # Of the body nothing is ever sent.
        writer.write(f"POST /api/documents HTTP/1.1\r\n{lines}\r\n".encode())
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.read(4096)
        assert head.startswith(b"HTTP/1.1 409 ")
        assert b"your whole quota of 1 MB" in answer
        writer.close()
        await writer.wait_closed()


async def test_uploads_at_once_do_not_exceed_the_quota(runtime: Runtime, pdf: Pdf) -> None:
    async with limited(runtime, user_documents=2, namespace_documents=3) as api:
        alice, bob = await api.user("alice"), await api.user("bob")
        space = await api.namespace(alice)
        me = (await bob.get("/api/auth/me")).json()["id"]
        await alice.put(f"/api/namespaces/{space}/members/{me}", json={"auth_level": 2})
        contents = [pdf(f"page {number}") for number in range(4)]
        answers = await asyncio.gather(
            *(upload(client, content, space) for client in (alice, bob) for content in contents)
        )
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
        for answer in answers:
            if answer.status_code == 409:
                exceeds(answer)
        assert (await usage(alice))["documents"] + (await usage(bob))["documents"] == 3
        assert max((await usage(alice))["documents"], (await usage(bob))["documents"]) <= 2


async def test_documents_of_a_namespace(runtime: Runtime, pdf: Pdf) -> None:
    async with limited(runtime, namespace_documents=1, namespace_mb=1) as api:
        alice = await api.user("alice")
        space, other = await api.namespace(alice), await api.namespace(alice)
        assert "of 1 MB" in exceeds(await upload(alice, pdf("large", MB + 1), space))
        assert (await upload(alice, pdf("large", MB + 1))).status_code == 201
        # It counts while it is on its way and when it has arrived.
        first = pdf("one")
        assert (await upload(alice, first, space)).status_code == 201
        for _ in range(2):
            assert "1 of 1 documents" in exceeds(await upload(alice, pdf("two"), space))
            assert (await upload(alice, first, space, other)).status_code == 200
            await api.work()
        assert exceeds(await upload(alice, b"%PDF-1.7 broken", space))
        second = (await upload(alice, pdf("two"))).json()["id"]
        added = await alice.post(f"/api/namespaces/{space}/documents", json={"doc_id": second})
        assert "The namespace “papers”" in exceeds(added)


async def test_only_the_growth_of_a_new_version_counts(runtime: Runtime) -> None:
    for quotas in ({"user_documents": 1, "user_mb": 2}, {"namespace_documents": 1, "namespace_mb": 2}):
        async with limited(runtime, **quotas) as api:
            owner = await api.user(next(iter(quotas)))
            namespace = await api.namespace(owner)
            sent = await owner.post(
                "/api/documents",
                files={"file": ("x.txt", b"a" * MB)},
                data={"namespace_id": str(namespace)},
            )
            path = f"/api/documents/{sent.json()['id']}/file"
            larger = await owner.put(path, files={"file": ("x.txt", b"b" * 2 * MB)})
            assert larger.status_code == 202, larger.text
            detail = exceeds(await owner.put(path, files={"file": ("x.txt", b"c" * (2 * MB + 1))}))
            assert detail.startswith("The new version is larger by 0.0 MB, and ")
            # Somebody who may only write the document learns nothing about its owner and its namespaces.
            writer = await api.user(f"writer_{next(iter(quotas))}")
            writer_id = (await writer.get("/api/auth/me")).json()["id"]
            shared = await owner.put(
                f"/api/documents/{sent.json()['id']}/permissions/{writer_id}", json={"permission": "write"}
            )
            assert shared.is_success, shared.text
            detail = exceeds(await writer.put(path, files={"file": ("x.txt", b"c" * (2 * MB + 1))}))
            assert detail.endswith("has no room for a larger file.")
            smaller = await owner.put(path, files={"file": ("x.txt", b"d" * MB)})
            assert smaller.status_code == 202, smaller.text
