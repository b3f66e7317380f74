"""An event of the audit trail as a sentence."""

from luma_rag.audit import Action
from luma_rag.audit.trail import Event

# Placeholders come from the event's `about`; `{user}` is the user that the event concerns.
_SENTENCES: dict[Action, str] = {
    "account.created": "created the account of {user}",
    "account.disabled": "disabled {user}",
    "account.enabled": "enabled {user}",
    "account.handed-over": "transferred what {user} owned",
    "account.removed": "removed the account of {user}",
    "account.role-changed": "changed the role of {user}",
    "document.deleted": "deleted document {doc_id}",
    "document.hidden": "made document {doc_id} private",
    "document.published": "made document {doc_id} public",
    "document.read": "read document {doc_id} as an administrator",
    "document.replaced": "stored a new version of document {doc_id}",
    "document.shared": "shared document {doc_id} with {user}",
    "document.unshared": "stopped sharing document {doc_id} with {user}",
    "document.uploaded": "uploaded document {doc_id}",
    "identity.linked": "linked an identity to the account of {user}",
    "member.removed": "removed {user} from namespace {namespace_id}",
    "member.set": "made {user} a member of namespace {namespace_id}",
    "namespace.created": "created namespace {namespace_id}",
    "namespace.deleted": "deleted namespace {namespace_id}",
    "namespace.document-added": "added document {doc_id} to namespace {namespace_id}",
    "namespace.document-removed": "removed document {doc_id} from namespace {namespace_id}",
    "namespace.hidden": "made namespace {namespace_id} private",
    "namespace.published": "made namespace {namespace_id} public",
    "namespace.read": "read namespace {namespace_id} as an administrator",
    "password.changed": "changed their password",
    "password.reset": "reset the password of {user}",
    "recovery-code.used": "used a recovery code",
    "request.refused": "made a request that was refused",
    "second-factor.added": "added a second factor",
    "second-factor.removed": "removed the second factor of {user}",
    "session.ended": "ended a session",
    "session.reauthenticated": "confirmed their password",
    "session.reauthentication-failed": "failed to confirm their password",
    "sign-in.failed": "failed to sign in as {user}",
    "sign-in.succeeded": "signed in",
    "token.created": "created a token",
    "token.revoked": "revoked a token",
}
_IN_SENTENCE = {"user_id", "username", "user", "doc_id", "namespace_id"}


def sentence(event: Event) -> str:
    """Such as "alice shared document 12 with bob, permission read"; other details follow the sentence."""
    about = event.about
    # `about` names no user in events that concern the actor, or a failed sign-in.
    user = about.get("username") or about.get("user") or _numbered(about.get("user_id")) or "somebody"
    actor = event.actor or _numbered(event.actor_id) or _unnamed(event)
    words = _SENTENCES.get(event.action, event.action)  # type: ignore[call-overload]
    for name in ("doc_id", "namespace_id"):
        words = words.replace(f"{{{name}}}", str(about.get(name, "?")))
    rest = [
        f"{name.replace('_', ' ')} {_shown(value)}"
        for name, value in about.items()
        if name not in _IN_SENTENCE
    ]
    return ", ".join([f"{actor} {words.replace('{user}', str(user))}", *rest])


def _numbered(user_id: int | None) -> str | None:
    return None if user_id is None else f"user {user_id}"


def _unnamed(event: Event) -> str:
    return "the command line" if event.address is None else "somebody"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
