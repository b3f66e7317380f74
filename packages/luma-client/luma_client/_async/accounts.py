"""Users and tokens."""

from collections.abc import Sequence

from luma_client._async.connection import Connection
from luma_client.types import Account, Level, NewToken, Page, Token, User, UserName


class Accounts(Connection):
    """The calls on users and tokens."""

    async def me(self) -> User:
        """The user of the token."""
        return await self._send("GET", "/api/auth/me", User)

    async def account(self) -> Account:
        """The state of the caller's account, with what they own and their quotas. Not for narrowed tokens."""
        return await self._send("GET", "/api/auth/account", Account)

    async def lookup_user(self, username: str) -> UserName:
        """The user of exactly this name, to share something with them."""
        return await self._send("GET", "/api/users/lookup", UserName, params={"username": username})

    async def tokens(self) -> list[Token]:
        """The caller's tokens without their secrets, oldest first. A narrowed token sees only itself."""
        return await self._all("/api/auth/tokens", Page[Token])

    async def create_token(
        self,
        name: str,
        *,
        expires_in_days: int | None = None,
        namespace_ids: Sequence[int] | None = None,
        max_level: Level | None = None,
    ) -> NewToken:
        """Create a token, narrowed to some namespaces and to a maximum level if these are given.

        With a token of one's own only tokens can be created that expire within a year.
        """
        body = {
            "name": name,
            "expires_in_days": expires_in_days,
            "namespace_ids": None if namespace_ids is None else list(namespace_ids),
            "max_level": max_level,
        }
        return await self._send("POST", "/api/auth/tokens", NewToken, json=body)

    async def revoke_token(self, token_id: int) -> None:
        """End a token at once."""
        await self._delete(f"/api/auth/tokens/{token_id}")
