"""The tables: eight that are given, and our own beside them."""

from luma_rag.db.models.account import ApiToken, LoginSession, User
from luma_rag.db.models.chat import Chat, ChatTitle, Citation, Feedback, Message
from luma_rag.db.models.document import Chunk, Document, EmbeddingModel, Ingestion, Passage
from luma_rag.db.models.grants import DocUser, NamespaceAuth
from luma_rag.db.models.namespace import ChunkVector, Namespace, NamespaceDoc

__all__ = [
    "ApiToken",
    "Chat",
    "ChatTitle",
    "Chunk",
    "ChunkVector",
    "Citation",
    "DocUser",
    "Document",
    "EmbeddingModel",
    "Feedback",
    "Ingestion",
    "LoginSession",
    "Message",
    "Namespace",
    "NamespaceAuth",
    "NamespaceDoc",
    "Passage",
    "User",
]
