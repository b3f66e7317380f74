"""Passwords, kept as Argon2id hashes with the library's recommended cost."""

import asyncio
import functools

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from luma_rag.errors import FieldError, InvalidInputError

MIN_LENGTH = 10
# Argon2 reads all of it: without a limit a long password is a cheap way to keep the server busy.
MAX_LENGTH = 1024

_hasher = PasswordHasher()
# Each hash takes 64 MB and a core for some 50 ms; more at once than cores only takes memory.
_slots = asyncio.Semaphore(2)


async def hash_password(password: str) -> str:
    """Hash off the event loop.

    Raises:
        InvalidInputError: the password is too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"
        raise InvalidInputError(f"The password {message}.", errors=[FieldError("password", message)])
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(hashed: str | None, password: str) -> bool:
    """Whether `password` belongs to the hash; as slow for an unknown user (None) as for a known one."""
    async with _slots:
        return await asyncio.to_thread(_verify, hashed, password[:MAX_LENGTH])


def _verify(hashed: str | None, password: str) -> bool:
    # Made in both cases, the first time as well, so that both answers take equally long.
    nobodys = _hash_of_nobody()
    try:
        return _hasher.verify(hashed or nobodys, password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


@functools.cache
def _hash_of_nobody() -> str:
    return _hasher.hash("what an unknown user's password is compared with")
