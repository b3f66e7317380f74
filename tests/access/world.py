"""A small world for tests of access: people, ways in, and one namespace with everything that hangs on it."""

import hashlib
import itertools
from datetime import datetime, timedelta
from typing import Any

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
    Chunk,
    ChunkVector,
    Document,
    DocUser,
    EvaluationPlace,
    EvaluationQuestion,
    EvaluationRun,
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
from luma_rag.evaluation.judging import Ranking
from luma_rag.evaluation.measures import latency, measure
from luma_rag.evaluation.runner import Run
from luma_rag.runtime import Runtime

PASSWORD = "correct horse battery"
# Cheap on purpose: these hashes guard nothing, and a world is made for every call that changes one.
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_numbers = itertools.count(1)

PEOPLE = (
    "stranger", "reader", "writer", "member1", "member2", "member3", "owner", "admin", "guest", "bystander",
)  # fmt: skip
LEVELS = {"member1": 1, "member2": 2, "member3": 3, "guest": 1}
SHARES = {"reader": "read", "writer": "write"}


def made_up_run(unknown: str) -> Any:
    """What is kept of a run over one question, which also names a document that was not there."""
    rankings = [Ranking("1", ["place 0"], {"place 0": 1}, 1.0)]
    return msgspec.to_builtins(Run("hybrid", 5, 1, measure(rankings), latency(rankings), 0, [unknown]))


class Subject(msgspec.Struct, frozen=True):
    """Somebody who calls: `who` by which `way` in, with what limits.

    `reach` is what a token was narrowed to: this namespace, another of its user's, or None for no limit.
    """

    who: str | None
    way: str = "session"
    is_valid: bool = True
    max_level: int | None = None
    reach: str | None = None

    @property
    def is_narrowed(self) -> bool:
        return self.max_level is not None or self.reach is not None

    @property
    def has_recent_password(self) -> bool:
        return self.way == "session"


SUBJECTS = {
    "nobody": Subject(None, is_valid=False),
    "stranger": Subject("stranger"),
    "reader of the document": Subject("reader"),
    "writer of the document": Subject("writer"),
    "member 1": Subject("member1"),
    "member 2": Subject("member2"),
    "member 3": Subject("member3"),
    "owner": Subject("owner"),
    "admin": Subject("admin"),
    "token": Subject("owner", "token"),
    "token, level 1": Subject("owner", "token", max_level=1),
    "token, level 2": Subject("owner", "token", max_level=2),
    "token for this namespace": Subject("owner", "token", reach="here"),
    "token for another namespace": Subject("owner", "token", reach="elsewhere"),
    "token that expires": Subject("owner", "expiring token"),
    "admin's token": Subject("admin", "token"),
    "admin's token, level 1": Subject("admin", "token", max_level=1),
    "admin's token for another namespace": Subject("admin", "token", reach="elsewhere"),
    "member 1's token for this namespace": Subject("member1", "token", reach="here"),
    "revoked token": Subject("owner", "revoked token", is_valid=False),
    "expired token": Subject("admin", "expired token", is_valid=False),
    "session without a recent password": Subject("owner", "old session"),
    "admin's session without a recent password": Subject("admin", "old session"),
    "ended session": Subject("owner", "ended session", is_valid=False),
    "expired session": Subject("admin", "expired session", is_valid=False),
}


class World(msgspec.Struct, frozen=True):
    """One namespace of `owner`, with a document in it, members, a chat of `owner`'s, and a failed ingestion.

    `ids` holds the ids by which calls name things, `names` the user names, `file_path` where the file of the
    document is in the storage. `addable` is a document of
    `owner`'s outside the namespace, which `member2` may read and `member3` write.
    """

    namespace_is_public: bool
    document_is_public: bool
    ids: dict[str, int]
    names: dict[str, str]
    headers: dict[str, dict[str, str]]
    file_path: str


async def make_world(runtime: Runtime, *, namespace_is_public: bool, document_is_public: bool) -> World:
    """A world of new people and new things."""
    number = next(_numbers)
    async with runtime.sessions.begin() as session:
        people = await _people(session, number)
        ids = {name: user.id for name, user in people.items()}
        ids |= await _things(session, runtime, number, ids, namespace_is_public, document_is_public)
        headers = {name: _way_in(session, subject, name, number, ids) for name, subject in SUBJECTS.items()}
        spare = ApiToken(
            user_id=ids["owner"], name="spare", token_hash=_digest(f"spare {number}"), created_at=utcnow()
        )
        await _add(session, spare)
        ids["spare_token"] = spare.id
        elsewhere = LoginSession(
            user_id=ids["owner"],
            token_hash=_digest(f"elsewhere {number}"),
            created_at=utcnow(),
            expires_at=utcnow() + timedelta(days=1),
            last_used_at=utcnow(),
            method="password",
            authenticated_at=utcnow(),
        )
        await _add(session, elsewhere)
        ids["spare_session"] = elsewhere.id
    names = {name: user.username for name, user in people.items()}
    return World(namespace_is_public, document_is_public, ids, names, headers, _file_of("held", number))


def _file_of(title: str, number: int) -> str:
    return f"{title}{number}.pdf"


async def _people(session: AsyncSession, number: int) -> dict[str, User]:
    people = {
        name: User(
            username=f"{name}{number}",
            email=f"{name}{number}@example.com",
            password=_HASH,
            role="admin" if name == "admin" else "user",
        )
        for name in PEOPLE
    }
    await _add(session, *people.values())
    return people


async def _things(
    session: AsyncSession,
    runtime: Runtime,
    number: int,
    ids: dict[str, int],
    namespace_is_public: bool,
    document_is_public: bool,
) -> dict[str, int]:
    owner, now = ids["owner"], utcnow()
    here = Namespace(user_id=owner, name=f"here {number}", is_public=namespace_is_public)
    elsewhere = Namespace(user_id=owner, name=f"elsewhere {number}")
    admins = Namespace(user_id=ids["admin"], name=f"the admin's {number}")
    document, addable = (
        Document(
            user_id=owner,
            title=f"{title} {number}",
            file_path=_file_of(title, number),
            file_metadata={"original_filename": f"{title}.pdf", "size": 4, "sha256": f"{title} {number}"},
            type="pdf",
            is_public=document_is_public,
            uploaded_at=now,
        )
        for title in ("held", "addable")
    )
    await _add(session, here, elsewhere, admins, document, addable)
    runtime.storage.path(document.file_path).write_bytes(b"%PDF")
    chat = Chat(user_id=owner, namespace_id=here.id, started_at=now)
    embedding = HalfVector(np.eye(DIMENSIONS, dtype=np.float32)[0])
    chunk = Chunk(
        doc_id=document.id, ordinal=0, passage=0, start_char=0, end_char=4, tokens=3, text="text",
        embedding=embedding,
    )  # fmt: skip
    ingestion = Ingestion(
        doc_id=document.id,
        namespace_id=here.id,
        state="failed",
        error="broken",
        created_at=now,
        updated_at=now,
    )
    question = EvaluationQuestion(namespace_id=here.id, text="Why?", created_at=now)
    evaluation = EvaluationRun(
        namespace_id=here.id, user_id=owner, result=made_up_run("contract.pdf"), created_at=now
    )
    await _add(
        session,
        question,
        evaluation,
        chat,
        chunk,
        ingestion,
        Passage(doc_id=document.id, ordinal=0, text="text"),
    )
    vector = ChunkVector(namespace_id=here.id, doc_id=document.id, chunk_id=chunk.id, embedding=embedding)
    place = EvaluationPlace(question_id=question.id, doc_id=document.id)
    asked = Message(chat_id=chat.id, sender_type="user", content="Why?", time_sent=now)
    await _add(session, vector, asked, place)
    answer = Message(chat_id=chat.id, sender_type="LLM", content="Because.", time_sent=now)
    await _add(session, answer)
    await _add(
        session,
        Turn(chat_id=chat.id, question_id=asked.id, answer_id=answer.id, state="complete"),
        NamespaceDoc(namespace_id=here.id, doc_id=document.id, vec_id=[str(vector.id)]),
        Placement(namespace_id=here.id, doc_id=document.id, user_id=owner),
        *(NamespaceAuth(user_id=ids[name], namespace_id=here.id, auth_level=n) for name, n in LEVELS.items()),
        *(DocUser(doc_id=document.id, user_id=ids[name], permission=p) for name, p in SHARES.items()),
        DocUser(doc_id=addable.id, user_id=ids["member2"], permission="read"),
        DocUser(doc_id=addable.id, user_id=ids["member3"], permission="write"),
    )
    return {
        "namespace": here.id,
        "elsewhere": elsewhere.id,
        "admins_namespace": admins.id,
        "document": document.id,
        "addable": addable.id,
        "chat": chat.id,
        "asked": asked.id,
        "answer": answer.id,
        "ingestion": ingestion.id,
        "question": question.id,
        "evaluation": evaluation.id,
    }


def _way_in(
    session: AsyncSession, subject: Subject, name: str, number: int, ids: dict[str, int]
) -> dict[str, str]:
    """The headers of a subject, whose session or token is added; the ended and revoked ones are not."""
    if subject.who is None:
        return {}
    now = utcnow()
    user_id = ids[subject.who]
    expires: datetime | None = now + timedelta(days=1)
    if subject.way.startswith("expired"):
        expires = now - timedelta(seconds=1)
    if subject.way.endswith("session"):
        secret = f"session of {name} {number}".replace(" ", "-")
        if subject.way != "ended session":
            session.add(
                LoginSession(
                    user_id=user_id,
                    token_hash=_digest(secret),
                    created_at=now,
                    expires_at=expires,
                    last_used_at=now,
                    method="password",
                    authenticated_at=now - timedelta(hours=1) if subject.way == "old session" else now,
                )
            )
        return {"cookie": f"luma_session={secret}", "x-csrftoken": csrf_token(secret)}
    if subject.way == "token":
        expires = None
    secret = new_secret()
    reach = {
        None: None,
        "here": [ids["namespace"]],
        "elsewhere": [ids["admins_namespace" if subject.who == "admin" else "elsewhere"]],
    }[subject.reach]
    if subject.way != "revoked token":
        session.add(
            ApiToken(
                user_id=user_id,
                name=name,
                token_hash=_digest(secret),
                namespace_ids=reach,
                max_level=subject.max_level,
                created_at=now,
                expires_at=expires,
            )
        )
    return {"authorization": f"Bearer {secret}"}


async def _add(session: AsyncSession, *rows: Base) -> None:
    session.add_all(rows)
    await session.flush()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
