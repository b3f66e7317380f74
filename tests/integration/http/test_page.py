import gzip

import pytest

from luma_rag.web.assets import assets
from tests.api import Api

# A first visit ends with the sign-in form.
BEFORE_SIGN_IN_BYTES = 100_000


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/n/4",
        "/n/4/documents",
        "/c/12",
        "/c/12/cite/31/2",
        "/documents/doc/7/page/17",
        "/settings/tokens",
        "/admin",
    ],
)
async def test_every_address_of_the_page_serves_it(api: Api, path: str) -> None:
    answer = await (await api.anonymous()).get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<luma-app>" in answer.text


@pytest.mark.parametrize("path", ["/n", "/no", "/c", "/documentsx", "/static", "/static/main.js"])
async def test_other_addresses_do_not(api: Api, path: str) -> None:
    assert (await (await api.anonymous()).get(path)).status_code == 404


async def test_files_are_compressed_and_kept_for_good(api: Api) -> None:
    client = await api.anonymous()
    url = assets().url("main.js")
    compressed = await client.get(url, headers={"accept-encoding": "gzip"})
    plain = await client.get(url, headers={"accept-encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < int(plain.headers["content-length"])
    assert "content-encoding" not in plain.headers
    assert compressed.text == plain.text
    for answer in (compressed, plain):
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"


async def test_another_version_is_not_served(api: Api) -> None:
    client = await api.anonymous()
    for url in ("/static/0123456789abcdef/main.js", assets().url("nothing.js"), assets().url("../assets.py")):
        assert (await client.get(url)).status_code == 404


async def test_little_is_loaded_before_the_sign_in(api: Api) -> None:
    files = assets()
    names = {
        *files.imports("main.js"),
        *files.imports("views/account.js"),
        "page.css",
        "luma.svg",
        "icons.svg",
    }
    found = [files.find(name) for name in names]
    html = (await (await api.anonymous()).get("/")).content
    total = len(gzip.compress(html)) + sum(len(file.compressed or file.content) for file in found if file)
    assert 10_000 < total <= BEFORE_SIGN_IN_BYTES
