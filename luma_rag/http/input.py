"""Request bodies. Unknown keys are rejected, so that a misspelled one is not ignored silently."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from luma_rag.retrieval.search import MAX_K, Mode

# Postgres can't store NUL in text.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=10_000, pattern=NO_NUL)]
Question = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=NOT_BLANK)]
Code = Annotated[str, Meta(max_length=100, pattern=NO_NUL)]
# The ids of the database are Postgres integers.
MAX_INT = 2**31 - 1
Id = Annotated[int, Meta(ge=1, le=MAX_INT)]
Level = Literal[1, 2, 3]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all bodies."""


class Registration(Input, frozen=True):
    """A new account."""

    username: Text
    email: Text
    password: str


class NewUser(Registration, frozen=True):
    """A new account, created by an administrator."""

    role: Literal["admin", "user"] = "user"


class UserChange(Input, frozen=True):
    """Changes to a user by an administrator."""

    role: Literal["admin", "user"] | None = None
    password: str | None = None
    is_disabled: bool | None = None


class Login(Input, frozen=True):
    """`username` may be the e-mail address."""

    username: Text
    password: str
    code: Code | None = None


class Confirmation(Input, frozen=True):
    """The password of the caller, and a code if they have a second factor."""

    password: str
    code: Code | None = None


class CodeConfirmation(Input, frozen=True):
    """A code of the new authenticator."""

    code: Code


class PasswordChange(Input, frozen=True):
    """A new password for the caller."""

    current: str
    new: str


class TokenRequest(Input, frozen=True):
    """A token, optionally restricted to some namespaces and a maximum level."""

    name: Name
    expires_in_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    namespace_ids: Annotated[list[Id], Meta(min_length=1, max_length=1000)] | None = None
    max_level: Level | None = None


class NewNamespace(Input, frozen=True):
    """A namespace."""

    name: Name
    description: Text | None = None
    is_public: bool = False


class NamespaceChange(Input, frozen=True):
    """Missing fields stay unchanged."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET


class Membership(Input, frozen=True):
    """A member's level."""

    auth_level: Level


class Sharing(Input, frozen=True):
    """A permission on a document."""

    permission: Literal["read", "write"]


class DocumentReference(Input, frozen=True):
    """An uploaded document."""

    doc_id: Id


class DocumentChange(Input, frozen=True):
    """Missing fields stay unchanged."""

    title: Name | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET


class Search(Input, frozen=True):
    """A search in one namespace, optionally restricted to the documents `doc_ids`.

    `per_document` limits the hits per document; by default there is no limit. `dense` searches embeddings,
    `lexical` searches terms (BM25), and `hybrid` fuses both. `rerank` turns reranking on or off; by default
    it is on if a reranker is configured.
    """

    query: Question
    k: Annotated[int, Meta(ge=1, le=MAX_K)] = 5
    mode: Mode = "hybrid"
    rerank: bool | None = None
    doc_ids: Annotated[list[Id], Meta(max_length=1000)] | None = None
    per_document: Annotated[int, Meta(ge=1, le=MAX_K)] | None = None


class Questions(Input, frozen=True):
    """Questions for the evaluation set of a namespace."""

    questions: Annotated[list["QuestionInput"], Meta(min_length=1, max_length=1000)]


class QuestionInput(Input, frozen=True):
    """A question with the places of its answer."""

    question: Question
    places: Annotated[list["PlaceInput"], Meta(min_length=1, max_length=100)]


class PlaceInput(Input, frozen=True):
    """A document and, optionally, a page or a quote."""

    doc_id: Id
    page: Id | None = None
    quote: Text | None = None


class NewEvaluation(Input, frozen=True):
    """Search options, and the user whose access applies: by default the caller."""

    mode: Mode = "hybrid"
    rerank: bool | None = None
    k: Annotated[int, Meta(ge=1, le=MAX_K)] = MAX_K
    user_id: Id | None = None


class NewChat(Input, frozen=True):
    """A chat in a namespace."""

    namespace_id: Id


class ChatChange(Input, frozen=True):
    """Missing fields stay unchanged."""

    title: Name | None = None
    pinned: bool | None = None


class NewMessage(Input, frozen=True):
    """A question, optionally restricted to the documents `doc_ids`.

    `replaces` is the id of an earlier question, of which this is a new version. The chat continues from here.
    `follows` is the id of a message in an older branch, at the end of which the question is added.
    """

    content: Question
    doc_ids: Annotated[list[Id], Meta(max_length=1000)] | None = None
    replaces: Id | None = None
    follows: Id | None = None


class Verdict(Input, frozen=True):
    """Feedback on an answer."""

    rating: Literal[-1, 0, 1]
    comment: Text | None = None
