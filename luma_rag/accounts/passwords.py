"""Passwords: which ones are taken, and their Argon2id hashes with the library's recommended cost.

A password is judged by its length and by whether an attacker would try it first; which kinds of characters it
is made of plays no part (NIST SP 800-63B, 3.1.1.2).
"""

import asyncio
import functools
import types
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from luma_rag.errors import FieldError, InvalidInputError

MIN_LENGTH = 10
# Argon2 reads all of it: without a limit a long password is a cheap way to keep the server busy.
MAX_LENGTH = 1024
# Stands where a hash would, for an account that only an OpenID provider opens.
UNUSABLE = "!"

_hasher = PasswordHasher()
# Each hash takes 64 MB and a core for some 50 ms; more at once than cores only takes memory.
_slots = asyncio.Semaphore(2)


async def hash_password(password: str, username: str, email: str, *, field: str = "password") -> str:
    """Hash a new password of this user's off the event loop.

    Raises:
        InvalidInputError: the password breaks a rule; the message, which names `field`, says which.
    """
    message = await asyncio.to_thread(_objection, password, username, email)
    if message is not None:
        raise InvalidInputError(f"The password {message}.", errors=[FieldError(field, message)])
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(hashed: str | None, password: str) -> bool:
    """Whether `password` belongs to the hash; as slow for an unknown user (None) as for a known one."""
    async with _slots:
        return await asyncio.to_thread(_verify, hashed, password[:MAX_LENGTH])


def _objection(password: str, username: str, email: str) -> str | None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"
    # A string is a repeated piece where it is found again in itself, doubled, before its end.
    if (password + password).find(password, 1) < min(len(password), MIN_LENGTH):
        return f"must not repeat a sequence of fewer than {MIN_LENGTH} characters"
    folded = password.casefold()
    if folded in (username.casefold(), email.casefold(), email.partition("@")[0].casefold()):
        return "must not be your user name or e-mail address"
    if folded in _common_passwords():
        return "is too common; choose another one"
    return None


def _verify(hashed: str | None, password: str) -> bool:
    # Made in both cases, the first time as well, so that both answers take equally long.
    nobodys = _hash_of_nobody()
    if hashed == UNUSABLE:
        hashed = None
    try:
        return _hasher.verify(hashed or nobodys, password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


@functools.cache
def _hash_of_nobody() -> str:
    return _hasher.hash("what an unknown user's password is compared with")


@functools.cache
def _common_passwords() -> frozenset[str]:
    # Of the 30,000 most common ones, those that are long enough to be tried. The file is run by itself, since
    # importing the package would keep all of its dictionaries in memory.
    package = find_spec("zxcvbn")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("zxcvbn is not installed", name="zxcvbn")
    file = Path(package.submodule_search_locations[0]) / "frequency_lists.py"
    module = types.ModuleType("frequency_lists")
    SourceFileLoader(module.__name__, str(file)).exec_module(module)
    words: list[str] = module.FREQUENCY_LISTS["passwords"]
    return frozenset(word.casefold() for word in words if len(word) >= MIN_LENGTH)
