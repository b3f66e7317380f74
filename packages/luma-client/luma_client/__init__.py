"""Luma from Python: `Luma` for scripts, `AsyncLuma` for asyncio.

from luma_client import Luma

with Luma("http://127.0.0.1:8000", token="luma_…") as luma:
    contracts = luma.get_or_create_namespace("contracts")
    luma.wait(luma.upload("contract.pdf", contracts.id))
    for hit in luma.search(contracts.id, "notice period").hits:
        print(hit.title, hit.page, hit.text)
"""

from luma_client._async import AsyncLuma
from luma_client._sync import Luma
from luma_client.errors import ApiError, FieldError
from luma_client.evaluation import (
    Candidate,
    Comparison,
    Difference,
    FullRun,
    KnownPlace,
    KnownQuestion,
    Latency,
    Measured,
    NewQuestion,
    Run,
)
from luma_client.events import (
    AnswerEvent,
    CitationsEvent,
    DeltaEvent,
    DocumentRemovedEvent,
    IngestionEvent,
    LLMMessageEvent,
    NamespaceEvent,
    ReconnectedEvent,
    UserMessageEvent,
)
from luma_client.types import (
    Account,
    Chat,
    Citation,
    Document,
    Feedback,
    Hit,
    Ingestion,
    IngestionError,
    Level,
    Member,
    Message,
    Mode,
    Namespace,
    NamespaceDocument,
    NewToken,
    Permission,
    Rating,
    Scope,
    SearchResult,
    Share,
    Timings,
    Token,
    UploadedDocument,
    User,
    UserName,
)

__all__ = [
    "Account",
    "AnswerEvent",
    "ApiError",
    "AsyncLuma",
    "Candidate",
    "Chat",
    "Citation",
    "CitationsEvent",
    "Comparison",
    "DeltaEvent",
    "Difference",
    "Document",
    "DocumentRemovedEvent",
    "Feedback",
    "FieldError",
    "FullRun",
    "Hit",
    "Ingestion",
    "IngestionError",
    "IngestionEvent",
    "KnownPlace",
    "KnownQuestion",
    "LLMMessageEvent",
    "Latency",
    "Level",
    "Luma",
    "Measured",
    "Member",
    "Message",
    "Mode",
    "Namespace",
    "NamespaceDocument",
    "NamespaceEvent",
    "NewQuestion",
    "NewToken",
    "Permission",
    "Rating",
    "ReconnectedEvent",
    "Run",
    "Scope",
    "SearchResult",
    "Share",
    "Timings",
    "Token",
    "UploadedDocument",
    "User",
    "UserMessageEvent",
    "UserName",
]
