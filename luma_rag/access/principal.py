"""The caller of an operation."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from luma_rag.errors import ForbiddenError

READ, WRITE, ADMINISTER = 1, 2, 3
RequiredAction = Literal["change_password", "set_up_second_factor"]


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller.

    `max_level` and `namespace_ids` are the limits of a restricted token: its maximum level, and the only
    namespaces that it can access (None: all that its user can). `session_id` or `token_id` identifies the
    login; both are None for the command line. `ends_at` is when the login ends by itself, None for a token
    without an end; using a session may postpone it.

    Of a session, `authenticated_at` is when the user last proved their identity, None if that is unknown, and
    `required_action` is what they must do before anything else.
    """

    user_id: int
    role: str
    max_level: int = ADMINISTER
    namespace_ids: frozenset[int] | None = None
    session_id: int | None = None
    token_id: int | None = None
    ends_at: datetime | None = None
    authenticated_at: datetime | None = None
    required_action: RequiredAction | None = None

    @property
    def form(self) -> "CallerForm":
        """The caller as a form of SQL text."""
        return CallerForm(
            "admin" if self.role == "admin" else "user", self.max_level, self.namespace_ids is not None
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The bind parameters that the access rules of a statement for `form` require."""
        if self.namespace_ids is None:
            return {"caller_id": self.user_id}
        return {"caller_id": self.user_id, "caller_namespace_ids": sorted(self.namespace_ids)}

    @property
    def is_admin(self) -> bool:
        """Whether the caller has the rights of an administrator. A restricted token never has."""
        return self.role == "admin" and not self.is_narrowed

    @property
    def is_expiring(self) -> bool:
        """Whether the caller has a token with an end."""
        return self.token_id is not None and self.ends_at is not None

    @property
    def is_narrowed(self) -> bool:
        """Whether the caller has a restricted token, which may do less than its user."""
        return self.max_level < ADMINISTER or self.namespace_ids is not None


class CallerForm(msgspec.Struct, frozen=True):
    """What of a caller shapes the SQL of the access rules: all but the user and the namespaces of a token.

    A statement built for a form serves every caller of that form, with `Principal.parameters`. Without them
    it fails, so it can never run with the rights of another caller.
    """

    role: Literal["admin", "user"]
    max_level: int
    is_scoped: bool


Caller = Principal | CallerForm
"""The rules apply to a caller, or to all callers of a form."""


def require_admin(principal: Principal) -> None:
    """Require the rights of an administrator.

    Raises:
        ForbiddenError: the caller is not an administrator or has a restricted token.
    """
    if not principal.is_admin:
        raise ForbiddenError("Administrators only.")
