import subprocess
import sys

import pytest

from luma_rag.accounts.passwords import MAX_LENGTH, hash_password, verify_password
from luma_rag.errors import InvalidInputError

ALICE = ("alice.smith", "alice.smith.home@example.com")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "xk0v-2;p9q", "ten äöü字ßx", "b" * 11 + "a" * 11]
)
async def test_what_is_long_and_not_common_is_taken(password: str) -> None:
    hashed = await hash_password(password, *ALICE)
    assert await verify_password(hashed, password)
    assert not await verify_password(hashed, password + "x")


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("xk0v-2;p9", "10 to 1024 characters"),
        ("xk0v-2;p9q" * 200, "10 to 1024 characters"),
        ("1111111111", "repeat a piece"),
        ("abcabcabcabc", "repeat a piece"),
        ("xk0v-2;p9xk0v-2;p9", "repeat a piece"),
        ("password123", "most common"),
        ("PassWord123", "most common"),
        ("1234567890", "most common"),
        ("Alice.Smith", "your user name or e-mail"),
        ("alice.smith.HOME@example.com", "your user name or e-mail"),
        ("alice.smith.home", "your user name or e-mail"),
    ],
)
async def test_what_breaks_a_rule_is_refused_with_the_rule(password: str, rule: str) -> None:
    with pytest.raises(InvalidInputError, match=rule) as refused:
        await hash_password(password, *ALICE, field="new")
    assert [error["field"] for error in refused.value.errors or []] == ["new"]
    assert password not in refused.value.detail


async def test_the_longest_password_is_taken_whole() -> None:
    password = "".join(chr(97 + i * i % 23) for i in range(MAX_LENGTH))
    hashed = await hash_password(password, *ALICE)
    assert not await verify_password(hashed, password[:-1] + "-")
    assert await verify_password(hashed, password)


def test_the_list_is_loaded_by_the_first_password_and_without_its_package() -> None:
    script = (
        "import asyncio, sys; from luma_rag.accounts import passwords as p; "
        "assert p._common_passwords.cache_info().currsize == 0; "
        "hashed = asyncio.run(p.hash_password('correct horse battery', 'a', 'a@example.com')); "
        "assert len(p._common_passwords()) > 500; assert 'zxcvbn' not in sys.modules; "
        "print(hashed)"
    )
    hashed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    # RFC 9106, its second recommendation. The other tests make do with less.
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
