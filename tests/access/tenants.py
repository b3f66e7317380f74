"""People with something of everything, whose texts carry a mark, to be looked for in others' answers."""

import hashlib
import itertools
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import numpy as np
from argon2 import PasswordHasher
from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.accounts.sessions import csrf_token
from luma_rag.accounts.tokens import new_secret
from luma_rag.db.base import Base, utcnow
from luma_rag.db.models import (
    ApiToken,
    Chat,
    ChatTitle,
    Chunk,
    ChunkVector,
    Citation,
    Document,
    DocUser,
    EvaluationPlace,
    EvaluationQuestion,
    EvaluationRun,
    Feedback,
    Ingestion,
    LoginSession,
    Message,
    Namespace,
    NamespaceAuth,
    NamespaceDoc,
    Passage,
    Placement,
    Turn,
    User,
)
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.runtime import Runtime
from tests import factories
from tests.access.world import made_up_run

PASSWORD = "correct horse battery"
# Cheap on purpose: these hashes guard nothing.
_hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_numbers = itertools.count(1)
# A column of the vector, by turns, so that searches rank differently.
_axes = itertools.cycle(range(DIMENSIONS))


class Tenant(msgspec.Struct, frozen=True):
    """A user and what is theirs: `ids` by the kind of thing, and two ways in."""

    username: str
    ids: dict[str, list[int]]
    session: dict[str, str]
    token: dict[str, str]


async def make_tenant(
    runtime: Runtime, mark: str, *, password: str = PASSWORD, member_of: Mapping[int, int] | None = None
) -> tuple[Tenant, int]:
    """A user with everything that one can have, and the id of their namespace.

    `mark` stands in every text but the user name, which others may look up. `member_of` are levels by the ids
    of other people's namespaces.
    """
    number, now, hashed = next(_numbers), utcnow(), _hasher.hash(password)
    async with runtime.sessions.begin() as session:
        user = User(
            username=f"tenant{number}", email=f"{mark}{number}@example.com", password=hashed, role="user"
        )
        friend = User(
            username=f"friend{number}", email=f"{mark}f{number}@example.com", password=hashed, role="user"
        )
        await _add(session, user, friend)
        namespace = Namespace(
            user_id=user.id, name=f"{mark} namespace", description=f"{mark} description", created_at=now
        )
        await _add(session, namespace)
        ids = await hold(session, runtime, user.id, namespace.id, mark)
        chat = Chat(user_id=user.id, namespace_id=namespace.id, started_at=now)
        secret, bearer = f"{mark}-session-{number}", new_secret()
        login = LoginSession(
            user_id=user.id,
            token_hash=_digest(secret),
            created_at=now,
            expires_at=now + timedelta(days=1),
            last_used_at=now,
            address=f"{mark} address",
            user_agent=f"{mark} agent",
            method="password",
            authenticated_at=now,
        )
        tokens = [
            ApiToken(user_id=user.id, name=f"{mark} token", token_hash=_digest(text), created_at=now)
            for text in (bearer, new_secret())
        ]
        await _add(session, chat, login, *tokens)
        question = Message(chat_id=chat.id, sender_type="user", content=f"{mark} question", time_sent=now)
        await _add(session, question, ChatTitle(chat_id=chat.id, title=f"{mark} chat"))
        answer = Message(chat_id=chat.id, sender_type="LLM", content=f"{mark} answer [1]", time_sent=now)
        asked = EvaluationQuestion(namespace_id=namespace.id, text=f"{mark} asked", created_at=now)
        run = EvaluationRun(
            namespace_id=namespace.id, user_id=user.id, result=made_up_run(mark), created_at=now
        )
        await _add(session, answer, asked, run)
        await _add(
            session,
            Turn(chat_id=chat.id, question_id=question.id, answer_id=answer.id, state="complete"),
            Citation(
                message_id=answer.id, n=1, vec_id="1", doc_id=ids["document"][0], title=f"{mark} title",
                page=1, heading=f"{mark} heading", quote=f"{mark} quote", score=0.5,
            ),
            EvaluationPlace(question_id=asked.id, doc_id=ids["document"][0], quote=f"{mark} quote"),
            Feedback(message_id=answer.id, rating=1, comment=f"{mark} comment", given_at=now),
            NamespaceAuth(user_id=friend.id, namespace_id=namespace.id, auth_level=1),
            DocUser(doc_id=ids["document"][0], user_id=friend.id, permission="read"),
            *(NamespaceAuth(user_id=user.id, namespace_id=n, auth_level=level)
              for n, level in (member_of or {}).items()),
        )  # fmt: skip
        ids |= {
            "user": [user.id, friend.id],
            "namespace": [namespace.id],
            "chat": [chat.id],
            "message": [answer.id, question.id],
            "token": [token.id for token in tokens[1:]],
            "session": [login.id],
            "question": [asked.id],
            "run": [run.id],
        }
    ways = (
        {"cookie": f"luma_session={secret}", "x-csrftoken": csrf_token(secret)},
        {"authorization": f"Bearer {bearer}"},
    )
    return Tenant(user.username, ids, *ways), namespace.id


async def hold(
    session: AsyncSession, runtime: Runtime, user_id: int, namespace_id: int, mark: str
) -> dict[str, list[int]]:
    """A document of the user's in a namespace, with a failed ingestion; gives the ids by kind."""
    now, number = utcnow(), next(_numbers)
    path = f"{mark}-{number}.pdf"
    document = Document(
        user_id=user_id,
        title=f"{mark} title",
        file_path=path,
        file_metadata={
            "original_filename": f"{mark}.pdf",
            "size": 4,
            "sha256": f"{mark} {number}",
        },
        type="pdf",
        is_public=False,
        uploaded_at=now,
    )
    await _add(session, document)
    factories.pdf(runtime.storage.path(path), f"{mark} in the file")
    embedding = HalfVector(np.eye(DIMENSIONS, dtype=np.float32)[next(_axes)])
    chunk = Chunk(
        doc_id=document.id, ordinal=0, passage=0, start_char=0, end_char=4, tokens=3, page=1,
        heading=f"{mark} heading", text=f"{mark} text", embedding=embedding,
    )  # fmt: skip
    ingestion = Ingestion(
        doc_id=document.id,
        namespace_id=namespace_id,
        state="failed",
        error=f"{mark} error",
        created_at=now,
        updated_at=now,
    )
    passage = Passage(doc_id=document.id, ordinal=0, page=1, heading=f"{mark} heading", text=f"{mark} text")
    await _add(session, chunk, ingestion, passage)
    vector = ChunkVector(
        namespace_id=namespace_id, doc_id=document.id, chunk_id=chunk.id, embedding=embedding
    )
    await _add(session, vector)
    await _add(
        session,
        NamespaceDoc(namespace_id=namespace_id, doc_id=document.id, vec_id=[str(vector.id)]),
        Placement(namespace_id=namespace_id, doc_id=document.id, user_id=user_id),
    )
    return {"document": [document.id], "ingestion": [ingestion.id]}


async def _add(session: AsyncSession, *rows: Base) -> None:
    session.add_all(rows)
    await session.flush()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
