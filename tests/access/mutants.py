"""Leaks to be mutated in the code, by the rule that each breaks, with the tests that must see them."""

from dataclasses import dataclass
from typing import Literal

Leak = Literal[
    "only the first namespace is checked",
    "owning widens a filter",
    "a filter is dropped silently",
    "ids can be counted up",
    "what is cited can't be opened",
    "open after unsharing",
    "levels",
    "chats and tokens",
]


@dataclass(frozen=True)
class Mutant:
    """`old` is replaced by `new` wherever it stands in the package; one of `seen_by` must then fail.

    `seen_by` are tests as pytest names them, below tests/; of the matrix, a cell that the leak opens.
    """

    leak: Leak
    what: str
    old: str
    new: str
    seen_by: tuple[str, ...]


def _leaks(*names: str) -> tuple[str, ...]:
    return tuple(f"access/test_leaks.py::test_{name}" for name in names)


def _cell(call: str, subject: str, namespace: str = "private") -> tuple[str, ...]:
    name = f"{call}, {subject}, {namespace} namespace, private document"
    return (f"access/test_matrix.py::test_the_rules_hold[{name}]",)


_COUNTING = _leaks("counting_ids_up_tells_nothing")
_LISTS = _leaks("lists_and_totals_count_only_what_the_caller_may_see")
_NAMING = _leaks("naming_what_may_not_be_read_never_falls_back_to_everything")
_OWNING = _leaks("owning_a_document_does_not_widen_the_namespace_that_is_asked")
_CITED = _leaks("whoever_sees_a_citation_can_open_its_file")
_UNSHARED = _leaks("the_file_closes_when_the_document_is_unshared")
_NOT_PUBLIC = _leaks("the_file_closes_when_its_namespace_or_itself_is_no_longer_public")
_ENDED = _leaks("nothing_opens_after_the_membership_ended")

MUTANTS = (
    # The first of each of the six leaks that other systems had is also mutated in every run of the tests.
    Mutant(
        "only the first namespace is checked",
        "an upload into several namespaces",
        "for namespace_id in namespace_ids:\n        await require_namespace",
        "for namespace_id in namespace_ids[:1]:\n        await require_namespace",
        _leaks("uploading_into_several_namespaces_checks_every_one"),
    ),
    Mutant(
        "only the first namespace is checked",
        "a token for several namespaces",
        "sorted(set(namespace_ids) - readable)",
        "sorted({namespace_ids[0]} - readable)",
        _leaks("a_token_can_be_made_only_for_what_its_user_reads"),
    ),
    Mutant(
        "only the first namespace is checked",
        "one readable namespace of the token's is enough",
        "sorted(set(namespace_ids) - readable)",
        "sorted(set() if readable else set(namespace_ids))",
        _leaks("a_token_can_be_made_only_for_what_its_user_reads"),
    ),
    Mutant(
        "owning widens a filter",
        "a search also finds the members' own documents in other namespaces",
        "return [ChunkVector.namespace_id == (_INDEX_OF if by_index else NAMESPACE_ID)]",
        "from luma_rag.db.models import Document\n"
        "        from luma_rag.db.models import NamespaceAuth as Member\n"
        "        own = select(Document.id).join(Member, Member.user_id == Document.user_id).where("
        "Member.namespace_id == NAMESPACE_ID)\n"
        "        return [(ChunkVector.namespace_id == NAMESPACE_ID) | ChunkVector.doc_id.in_(own)]",
        _OWNING,
    ),
    Mutant(
        "owning widens a filter",
        "a namespace lists the caller's own documents that it does not hold",
        "return Document.id.in_(held.union(coming))",
        "return Document.id.in_(held.union(coming)) | (Document.user_id == principal.user_id)",
        _OWNING,
    ),
    Mutant(
        "owning widens a filter",
        "the chats of a namespace are the caller's or anybody's there",
        "mine &= Chat.namespace_id == namespace_id",
        "mine |= Chat.namespace_id == namespace_id",
        _LISTS,
    ),
    Mutant(
        "owning widens a filter",
        "documents named in a search take the place of the namespace",
        "nearest = nearest.where(document_id(layout) == any_(DOC_IDS))",
        'nearest = select(search_id(layout).label("id"), distance).where('
        "document_id(layout) == any_(DOC_IDS), may_read"
        ").order_by(distance, search_id(layout))",
        _OWNING,
    ),
    Mutant(
        "a filter is dropped silently",
        "an empty list of documents is no list",
        "narrowed=doc_ids is not None,",
        "narrowed=bool(doc_ids),",
        _NAMING,
    ),
    Mutant(
        "a filter is dropped silently",
        "keys of a body that are not known",
        "class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):",
        "class Input(msgspec.Struct, frozen=True):",
        _leaks("a_filter_that_is_not_understood_is_an_error"),
    ),
    Mutant(
        "a filter is dropped silently",
        "the documents that a search names",
        "nearest = nearest.where(document_id(layout) == any_(DOC_IDS))",
        "pass",
        _OWNING,
    ),
    Mutant(
        "a filter is dropped silently",
        "the scope of a list of documents",
        " & narrower[scope]",
        "",
        _leaks("a_scope_or_namespace_narrows_a_list"),
    ),
    Mutant(
        "ids can be counted up",
        "an ingestion is found by its id alone",
        "Ingestion.id == ingestion_id, Ingestion.namespace_id.in_(readable_namespaces(principal))",
        "Ingestion.id == ingestion_id",
        _COUNTING,
    ),
    Mutant(
        "ids can be counted up",
        "a hidden namespace answers 403 and a missing one 404",
        "Namespace.id == namespace_id, Namespace.id.in_(readable_namespaces(principal))",
        "Namespace.id == namespace_id",
        _COUNTING,
    ),
    Mutant(
        "ids can be counted up",
        "a hidden document is found by its id",
        "Document.id == doc_id, Document.id.in_(readable_documents(principal))",
        "Document.id == doc_id",
        _COUNTING,
    ),
    Mutant(
        "ids can be counted up",
        "another's answer takes a verdict",
        "            Message.chat_id.in_(own_chats(principal)),\n",
        "",
        _COUNTING,
    ),
    Mutant(
        "ids can be counted up",
        "another's running answer is joined and stopped",
        "    await require_chat(session, principal, chat_id)\n    await recover(session)",
        "    await recover(session)",
        _COUNTING,
    ),
    Mutant(
        "a filter is dropped silently",
        "a question is narrowed to documents that its reader can't read",
        'if unknown := sorted(set(doc_ids) - readable):\n        raise NotFoundError(f"Document',
        'if unknown := []:\n        raise NotFoundError(f"Document',
        ("integration/http/test_turns.py::test_a_question_is_narrowed_to_documents",),
    ),
    Mutant(
        "ids can be counted up",
        "the words for a missing chat differ from those for another's",
        'raise NotFoundError("This chat does not exist.")',
        'raise NotFoundError("Not yours." if await session.get(Chat, chat_id) else "No such chat.")',
        _COUNTING,
    ),
    Mutant(
        "ids can be counted up",
        "totals count the documents that are hidden",
        "select(func.count()).select_from(Document).where(wanted)",
        "select(func.count()).select_from(Document)",
        _LISTS,
    ),
    Mutant(
        "ids can be counted up",
        "totals count the namespaces that are hidden",
        "select(func.count()).select_from(Namespace).where(readable)",
        "select(func.count()).select_from(Namespace)",
        _LISTS,
    ),
    Mutant(
        "what is cited can't be opened",
        "a namespace gives no right on what it holds",
        "ways += [Document.is_public.is_(true()), in_namespaces]",
        "ways += [Document.is_public.is_(true())]",
        _CITED,
    ),
    Mutant(
        "what is cited can't be opened",
        "the file needs more than the passage",
        "document = await require_document(session, principal, doc_id)\n    endings",
        'document = await require_document(session, principal, doc_id, "write")\n    endings',
        _CITED,
    ),
    Mutant(
        "open after unsharing",
        "the file opens for whoever has opened it before",
        "document = await require_document(session, principal, doc_id)\n    endings",
        "key, opened = (principal.user_id, doc_id), file.__dict__\n"
        "    document = opened.get(key) or await require_document(session, principal, doc_id)\n"
        "    opened[key] = document\n    endings",
        _UNSHARED,
    ),
    Mutant(
        "open after unsharing",
        "the browser may keep the file",
        '"Cache-Control": "private, no-cache"',
        '"Cache-Control": "max-age=3600"',
        _UNSHARED,
    ),
    Mutant(
        "open after unsharing",
        "a namespace keeps its documents when it is hidden again",
        "Namespace.is_public.is_(true())",
        "Namespace.is_public.is_not(None)",
        _NOT_PUBLIC,
    ),
    Mutant(
        "open after unsharing",
        "who has lost the namespace asks on in an old chat",
        "    await require_namespace(session, principal, chat.namespace_id)\n",
        "",
        _ENDED,
    ),
    Mutant(
        "open after unsharing",
        "a search does not look at rights",
        "permitted = (\n        readable_namespaces(caller)",
        "permitted = (\n        select(Namespace.id)",
        _NAMING,
    ),
    Mutant(
        "open after unsharing",
        "a namespace lists what was unshared while it was on its way",
        "        Ingestion.doc_id.in_(readable_documents(principal)),\n    )\n    return Document.id",
        "    )\n    return Document.id",
        ("integration/http/test_namespaces.py",),
    ),
    Mutant(
        "chats and tokens",
        "a token that expires makes one that does not",
        "        if principal.is_expiring:\n",
        "        if False:\n",
        _cell("POST /api/auth/tokens (with an end)", "token that expires"),
    ),
    Mutant(
        "chats and tokens",
        "a sensitive operation without a recent password",
        "    if audience is not None:\n        require_reauthentication(principal)\n",
        "",
        _cell("POST /api/users", "admin's session without a recent password"),
    ),
    Mutant(
        "chats and tokens",
        "a session without a recent password makes a token without end",
        "if expires_in_days is None or expires_in_days > _MAX_DAYS:",
        "if False:",
        _cell("POST /api/auth/tokens", "session without a recent password"),
    ),
    Mutant(
        "levels",
        "every member has level 3",
        "func.coalesce(_granted_level(principal), 0)",
        "case((_granted_level(principal) > 0, ADMINISTER), else_=0)",
        _cell("PATCH /api/namespaces/{namespace} (name)", "member 1"),
    ),
    Mutant(
        "levels",
        "the public may write",
        "case((Namespace.is_public, READ), else_=0)",
        "case((Namespace.is_public, WRITE), else_=0)",
        _cell("POST /api/documents (into a namespace)", "stranger", "public"),
    ),
    Mutant(
        "levels",
        "members see the namespaces of all members",
        "select(NamespaceAuth.namespace_id).where(NamespaceAuth.user_id == _user_id(principal))",
        "select(NamespaceAuth.namespace_id)",
        _LISTS,
    ),
    Mutant(
        "levels",
        "who may read also writes",
        'enough = ("write",) if permission == "write" else ("read", "write")',
        'enough = ("read", "write")',
        _cell("PATCH /api/documents/{document} (title)", "reader of the document"),
    ),
    Mutant(
        "chats and tokens",
        "administrators read all chats",
        "mine = select(Chat.id).where(Chat.user_id == _user_id(principal))",
        "mine = select(Chat.id).where("
        "(Chat.user_id == _user_id(principal)) | literal(principal.role == 'admin'))",
        _LISTS,
    ),
    Mutant(
        "chats and tokens",
        "a token's namespaces are not looked at",
        "    if not _is_scoped(principal):\n        return true()\n",
        "    return true()\n",
        _LISTS,
    ),
    Mutant(
        "chats and tokens",
        "a token's level is not looked at",
        "case((_in_scope(principal), principal.max_level), else_=0)",
        "case((_in_scope(principal), ADMINISTER), else_=0)",
        _cell("PATCH /api/namespaces/{namespace} (name)", "token, level 2"),
    ),
    Mutant(
        "chats and tokens",
        "a token for some namespaces opens its user's other documents",
        "within = in_namespaces if _is_scoped(principal) else true()",
        "within = true()",
        _LISTS,
    ),
    Mutant(
        "chats and tokens",
        "an administrator's narrowed token is an administrator",
        'return self.role == "admin" and not self.is_narrowed',
        'return self.role == "admin"',
        _cell("GET /api/users", "admin's token, level 1"),
    ),
    Mutant(
        "chats and tokens",
        "a token narrowed to its level only counts as whole",
        "return self.max_level < ADMINISTER or self.namespace_ids is not None",
        "return self.namespace_ids is not None",
        _cell("POST /api/auth/tokens (with an end)", "token, level 2"),
    ),
    Mutant(
        "open after unsharing",
        "adding a document with a right that has just ended",
        "select(*placed.values()).where(func.placement_stands(doc_id, principal.user_id))",
        "select(*placed.values())",
        ("access/test_unsharing.py::test_adding_waits_for_a_right_that_is_just_ending",),
    ),
    Mutant(
        "open after unsharing",
        "adding a document without a lock on the right",
        "    await placements.lock_right(session, principal, doc_id)\n",
        "",
        ("access/test_unsharing.py::test_adding_waits_for_a_right_that_is_just_ending",),
    ),
    Mutant(
        "ids can be counted up",
        "a token for some namespaces sees all those of a document",
        "    return Placement.namespace_id.in_(principal.namespace_ids)",
        "    return true()",
        ("access/test_unsharing.py::test_only_owner_and_administrators_see_and_end_it",),
    ),
    Mutant(
        "chats and tokens",
        "a token of level 1 deletes its user's chat",
        "connection.user.max_level < WRITE",
        "False",
        _cell("DELETE /api/chats/{chat}", "token, level 1"),
    ),
)
