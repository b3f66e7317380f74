"""Sensitive operations require a session whose user has entered their password recently."""

from datetime import timedelta

from luma_rag.access import Principal
from luma_rag.db.base import utcnow
from luma_rag.errors import ReauthenticationRequiredError

WINDOW = timedelta(minutes=10)
_MINUTES = WINDOW // timedelta(minutes=1)


def require_reauthentication(principal: Principal) -> None:
    """Require a session in which the user has entered their password within `WINDOW`.

    Raises:
        ReauthenticationRequiredError: the caller has a token, or a session without a recent password.
    """
    if principal.session_id is None:
        raise ReauthenticationRequiredError(
            "A token can't do this. Sign in with your password, or use the command line on the server."
        )
    if principal.authenticated_at is None or principal.authenticated_at <= utcnow() - WINDOW:
        raise ReauthenticationRequiredError(
            f"This requires that you entered your password within the last {_MINUTES} minutes. Enter it, "
            "or sign in again, then retry."
        )
