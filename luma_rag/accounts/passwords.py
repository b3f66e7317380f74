"""Password rules, and Argon2id hashes with the cost that the library recommends.

A password must be long and not common. There are no rules on kinds of characters (NIST SP 800-63B, 3.1.1.2).
"""

import asyncio
import functools
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from luma_rag.errors import FieldError, InvalidInputError

MIN_LENGTH = 10
# Argon2 reads all of it: without a limit, long passwords would keep the server busy at little cost.
MAX_LENGTH = 1024
# In place of a hash, for an account without a password: its user signs in with an OpenID provider.
UNUSABLE = "!"

_COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")
_hasher = PasswordHasher()
# Each hash takes 64 MB and a core for some 50 ms. More at once than cores would only cost memory.
_slots = asyncio.Semaphore(2)


async def hash_password(password: str, username: str, email: str, *, field: str = "password") -> str:
    """Hash a user's new password in a thread.

    Raises:
        InvalidInputError: the password breaks a rule. The error names `field` and the rule.
    """
    message = await find_objection(password, username, email)
    if message is not None:
        raise InvalidInputError(f"The password {message}.", errors=[FieldError(field, message)])
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def find_objection(password: str, username: str, email: str) -> str | None:
    """The rule that a user's new password breaks, or None."""
    return await asyncio.to_thread(_objection, password, username, email)


async def verify_password(hashed: str | None, password: str) -> bool:
    """Whether the password matches the hash. Takes equally long for an unknown user (`hashed` is None)."""
    async with _slots:
        return await asyncio.to_thread(_verify, hashed, password[:MAX_LENGTH])


def _objection(password: str, username: str, email: str) -> str | None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"
    # A string repeats a sequence if it occurs in its own doubling before the second half.
    if (password + password).find(password, 1) < min(len(password), MIN_LENGTH):
        return f"must not repeat a sequence of fewer than {MIN_LENGTH} characters"
    folded = password.casefold()
    if folded in (username.casefold(), email.casefold(), email.partition("@")[0].casefold()):
        return "must not be your user name or e-mail address"
    if folded in _common_passwords():
        return "is too common; choose another one"
    return None


def _verify(hashed: str | None, password: str) -> bool:
    # Computed in both cases, also the first time, so that both take equally long.
    dummy = _dummy_hash()
    if hashed == UNUSABLE:
        hashed = None
    try:
        return _hasher.verify(hashed or dummy, password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


@functools.cache
def _dummy_hash() -> str:
    return _hasher.hash("compared with the password of an unknown user")


@functools.cache
def _common_passwords() -> frozenset[str]:
    lines = _COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
