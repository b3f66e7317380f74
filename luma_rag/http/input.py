"""The bodies that the calls take. Unknown keys are refused: a mistyped one must not be lost silently."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from luma_rag.retrieval.search import MAX_K, Mode

# Postgres can't hold NUL in text.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=10_000, pattern=NO_NUL)]
Question = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=NOT_BLANK)]
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
    """A new account made by an administrator."""

    role: Literal["admin", "user"] = "user"


class UserChange(Input, frozen=True):
    """What an administrator changes of a user."""

    role: Literal["admin", "user"] | None = None
    password: str | None = None
    is_disabled: bool | None = None


class Login(Input, frozen=True):
    """`username` may be the e-mail address."""

    username: Text
    password: str


class PasswordChange(Input, frozen=True):
    """The caller's own password."""

    current: str
    new: str


class TokenRequest(Input, frozen=True):
    """A token, narrowed to namespaces and to a highest level if these are given."""

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
    """What is not given stays."""

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
    """A document that is uploaded already."""

    doc_id: Id


class DocumentChange(Input, frozen=True):
    """What is not given stays."""

    title: Name | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET


class Search(Input, frozen=True):
    """A search in one namespace; `doc_ids` narrows it to some of its documents.

    `per_document` is the most hits that one document may have; by default there is no such limit. `dense`
    searches embeddings, `lexical` searches terms (BM25), and `hybrid` fuses both. `rerank` says whether the
    reranker has the last word; by default it has where one is configured.
    """

    query: Question
    k: Annotated[int, Meta(ge=1, le=MAX_K)] = 5
    mode: Mode = "hybrid"
    rerank: bool | None = None
    doc_ids: Annotated[list[Id], Meta(max_length=1000)] | None = None
    per_document: Annotated[int, Meta(ge=1, le=MAX_K)] | None = None


class Questions(Input, frozen=True):
    """Questions for the set that a namespace is measured with."""

    questions: Annotated[list["QuestionInput"], Meta(min_length=1, max_length=1000)]


class QuestionInput(Input, frozen=True):
    """A question, and where its answer stands."""

    question: Question
    places: Annotated[list["PlaceInput"], Meta(min_length=1, max_length=100)]


class PlaceInput(Input, frozen=True):
    """A document and, if known, the page or the words."""

    doc_id: Id
    page: Id | None = None
    quote: Text | None = None


class NewEvaluation(Input, frozen=True):
    """How to search, `rerank` as in a search, and with whose rights: by default with the caller's."""

    mode: Mode = "hybrid"
    rerank: bool | None = None
    k: Annotated[int, Meta(ge=1, le=MAX_K)] = MAX_K
    user_id: Id | None = None


class NewChat(Input, frozen=True):
    """A chat with a namespace."""

    namespace_id: Id


class ChatChange(Input, frozen=True):
    """A chat's title."""

    title: Name


class NewMessage(Input, frozen=True):
    """A question."""

    content: Question


class Verdict(Input, frozen=True):
    """What the reader thinks of an answer."""

    rating: Literal[-1, 0, 1]
    comment: Text | None = None
