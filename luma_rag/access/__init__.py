"""Who may do what: the one place that knows, in the form of selects that other statements embed.

A caller who may not see a thing gets `NotFoundError`, exactly as if it did not exist; one who may see it but
not do this to it gets `ForbiddenError`.
"""

from luma_rag.access.principal import Principal, require_admin
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
