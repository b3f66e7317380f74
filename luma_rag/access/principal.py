"""On whose behalf something happens."""

import msgspec

from luma_rag.errors import ForbiddenError

READ, WRITE, ADMINISTER = 1, 2, 3


class Principal(msgspec.Struct, frozen=True):
    """A signed-in caller.

    `max_level` and `namespace_ids` are the limits of a narrowed token: the highest level it reaches anywhere,
    and the only namespaces it reaches (None: all that its user reaches). `session_id` and `token_id` tell by
    which way the caller came in; both are None for the command line.
    """

    user_id: int
    role: str
    max_level: int = ADMINISTER
    namespace_ids: frozenset[int] | None = None
    session_id: int | None = None
    token_id: int | None = None

    @property
    def rights(self) -> "Principal":
        """The same caller, by whichever way they came in: what statements are kept by."""
        return Principal(self.user_id, self.role, self.max_level, self.namespace_ids)

    @property
    def is_admin(self) -> bool:
        """Whether the caller has the rights of an administrator, which a narrowed token has not."""
        return self.role == "admin" and not self.is_narrowed

    @property
    def is_narrowed(self) -> bool:
        """Whether the caller holds a token that may do less than its user."""
        return self.max_level < ADMINISTER or self.namespace_ids is not None


def require_admin(principal: Principal) -> None:
    """See that the caller has the rights of an administrator.

    Raises:
        ForbiddenError: they have not, or hold a narrowed token.
    """
    if not principal.is_admin:
        raise ForbiddenError("Administrators only.")
