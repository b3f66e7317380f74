"""The tables: the eight of the given schema, and Luma's own."""

from luma_rag.db.models.account import (
    ApiToken,
    DisabledAccount,
    ExternalIdentity,
    LoginSession,
    RateLimit,
    RecoveryCode,
    SecondFactor,
    TemporaryPassword,
    User,
)
from luma_rag.db.models.audit import AuditEvent
from luma_rag.db.models.backfill import Backfill
from luma_rag.db.models.chat import Chat, ChatTitle, Citation, Feedback, Message, PinnedChat, Turn
from luma_rag.db.models.document import (
    Chunk,
    ChunkDigest,
    Document,
    DocumentVersion,
    FileStore,
    Ingestion,
    Passage,
    Reread,
    WorkDone,
    Worker,
)
from luma_rag.db.models.evaluation import EvaluationPlace, EvaluationQuestion, EvaluationRun
from luma_rag.db.models.generation import ChunkEmbedding, EmbeddingModel, Generation, GenerationVector
from luma_rag.db.models.grants import DocUser, NamespaceAuth
from luma_rag.db.models.lexical import (
    LexicalChunk,
    LexicalDocument,
    LexicalMember,
    LexicalPosting,
    LexicalSegment,
    LexicalVector,
)
from luma_rag.db.models.namespace import ChunkVector, Namespace, NamespaceDoc, Placement
from luma_rag.db.models.sync import SyncItem, SyncSource

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Backfill",
    "Chat",
    "ChatTitle",
    "Chunk",
    "ChunkDigest",
    "ChunkEmbedding",
    "ChunkVector",
    "Citation",
    "DisabledAccount",
    "DocUser",
    "Document",
    "DocumentVersion",
    "EmbeddingModel",
    "EvaluationPlace",
    "EvaluationQuestion",
    "EvaluationRun",
    "ExternalIdentity",
    "Feedback",
    "FileStore",
    "Generation",
    "GenerationVector",
    "Ingestion",
    "LexicalChunk",
    "LexicalDocument",
    "LexicalMember",
    "LexicalPosting",
    "LexicalSegment",
    "LexicalVector",
    "LoginSession",
    "Message",
    "Namespace",
    "NamespaceAuth",
    "NamespaceDoc",
    "Passage",
    "PinnedChat",
    "Placement",
    "RateLimit",
    "RecoveryCode",
    "Reread",
    "SecondFactor",
    "SyncItem",
    "SyncSource",
    "TemporaryPassword",
    "Turn",
    "User",
    "WorkDone",
    "Worker",
]
