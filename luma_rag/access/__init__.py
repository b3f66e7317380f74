"""Access control: all rules, as selects that other statements embed.

For a resource that the caller can't see, functions raise `NotFoundError`, exactly as if it did not exist. For
a visible resource without the permission for the action, they raise `ForbiddenError`.
"""

from luma_rag.access.principal import Caller, CallerForm, Principal, require_admin
from luma_rag.access.rules import (
    document_permission,
    namespace_level,
    own_chats,
    readable_documents,
    readable_namespaces,
    require_chat,
    require_document,
    require_namespace,
)

__all__ = [
    "Caller",
    "CallerForm",
    "Principal",
    "document_permission",
    "namespace_level",
    "own_chats",
    "readable_documents",
    "readable_namespaces",
    "require_admin",
    "require_chat",
    "require_document",
    "require_namespace",
]
