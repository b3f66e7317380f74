"""Tokens: their form, what is noted of their use, and what a narrowed one sees."""

import asyncio
import re
import zlib
from collections.abc import Callable
from datetime import timedelta

import httpx
import msgspec
import pytest
from sqlalchemy import event, select, update

from luma_rag.accounts.tokens import check_form, new_secret
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken
from luma_rag.db.session import create_engine
from luma_rag.errors import NotAuthenticatedError
from tests.api import Api
from tests.paths import ROOT
from tests.servers import serving

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DOCUMENTED = ROOT / "docs" / "tokens.md"


def test_a_scanner_finds_tokens_by_the_documented_expression_and_checks_them() -> None:
    (expression,) = re.findall(r"^    (\\b.*)$", DOCUMENTED.read_text(), re.MULTILINE)
    for _ in range(200):
        secret = new_secret()
        assert re.findall(expression, f"token = '{secret}'\n") == [secret]
        checksum = 0
        for digit in secret[-6:]:
            checksum = checksum * 62 + DIGITS.index(digit)
        assert checksum == zlib.crc32(secret[:-6].encode())
        check_form(secret)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda secret: secret[:-1],
        lambda secret: secret + "0",
        lambda secret: secret.upper(),
        lambda secret: secret.replace("luma_", "lima_"),
        lambda secret: secret[:10] + ("a" if secret[10] != "a" else "b") + secret[11:],
        lambda secret: secret[:10] + "\u0663" + secret[11:],
        lambda secret: secret + "\n",
    ],
)
def test_a_spoilt_token_has_not_the_form(spoilt: Callable[[str], str]) -> None:
    with pytest.raises(NotAuthenticatedError):
        check_form(spoilt(new_secret()))


async def test_the_database_is_not_asked_about_what_is_no_token(api: Api) -> None:
    nowhere = create_engine("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        async with (
            serving(msgspec.structs.replace(api.runtime, engine=nowhere)) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            for secret, status in (("luma_guess", 401), (new_secret()[:-1] + "-", 401), (new_secret(), 503)):
                answer = await client.get("/api/auth/me", headers={"authorization": f"Bearer {secret}"})
                assert answer.status_code == status, answer.text
    finally:
        await nowhere.dispose()


async def test_last_use_is_shown_and_written_once_a_minute(api: Api) -> None:
    alice = await api.user("alice")
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    program = await api.anonymous(headers={"authorization": f"Bearer {token}"})

    async def listed() -> str | None:
        (item,) = (await alice.get("/api/auth/tokens")).json()["items"]
        found: str | None = item["last_used_at"]
        return found

    assert await listed() is None
    writes = []
    engine = api.runtime.engine.sync_engine
    event.listen(
        engine,
        "before_cursor_execute",
        lambda *arguments: writes.append(arguments[2]) if "UPDATE api_token" in arguments[2] else None,
    )
    for _ in range(5):
        assert (await program.get("/api/auth/me")).status_code == 200
    assert len(writes) == 1
    first = await listed()
    assert first is not None
    long_ago = utcnow() - timedelta(seconds=61)
    async with api.runtime.sessions.begin() as session:
        await session.execute(update(ApiToken).values(last_used_at=long_ago))
    await asyncio.gather(*(program.get("/api/auth/me") for _ in range(5)))
    async with api.runtime.sessions.begin() as session:
        noted = await session.scalar(select(ApiToken.last_used_at))
    assert noted is not None
    assert utcnow() - noted < timedelta(seconds=50)


async def test_a_narrowed_token_sees_only_itself(api: Api) -> None:
    alice = await api.user("alice")
    await alice.post("/api/auth/tokens", json={"name": "whole"})
    narrow = (await alice.post("/api/auth/tokens", json={"name": "narrow", "max_level": 1})).json()
    program = await api.anonymous(headers={"authorization": f"Bearer {narrow['token']}"})
    listed = (await program.get("/api/auth/tokens")).json()
    assert ([item["name"] for item in listed["items"]], listed["total"]) == (["narrow"], 1)
    assert (await program.get("/api/auth/sessions")).status_code == 403
