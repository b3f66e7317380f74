"""Fails where code that requests reach uses a guarded table and no rule of `luma_rag.access`.

    python -m tests.access.check_queries

A function that names a guarded model, or whose `text()` names its table, must itself name a rule (a select of
permitted ids, or a `require_…`), or else be named by functions only that do or that no request reaches. What
is right without a rule stands in `EXEMPT`, with the reason.

What this can't see: whether the rule is embedded in every statement of the function, and asks for the right
level of the right thing; nor a table reached through a variable or `getattr`. The matrix and the tests of
leaks are for that; this finds the query that nobody gave a thought.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

GUARDED = {
    "Document": "document",
    "Namespace": "namespace",
    "NamespaceDoc": "namespace_doc",
    "Placement": "placement",
    "Chunk": "chunk",
    "ChunkDigest": "chunk_digest",
    "DocumentVersion": "document_version",
    "ChunkEmbedding": "chunk_embedding",
    "ChunkVector": "chunk_vector",
    "Generation": "generation",
    "GenerationVector": "generation_vector",
    "LexicalChunk": "lexical_chunk",
    "LexicalDocument": "lexical_document",
    "LexicalMember": "lexical_member",
    "LexicalPosting": "lexical_posting",
    "LexicalSegment": "lexical_segment",
    "LexicalVector": "lexical_vector",
    "Passage": "passage",
    "Reread": "reread",
    "SyncItem": "sync_item",
    "SyncSource": "sync_source",
    "Chat": "chats",
    "ChatTitle": "chat_title",
    "Message": "message",
    "PinnedChat": "pinned_chat",
    "Turn": "turn",
    "Ingestion": "ingestion",
    "Citation": "citation",
    "Feedback": "feedback",
    "EvaluationQuestion": "evaluation_question",
    "EvaluationPlace": "evaluation_place",
    "EvaluationRun": "evaluation_run",
    "DocUser": "doc_user",
    "NamespaceAuth": "namespace_auth",
}
RULES = {
    "readable_namespaces",
    "readable_documents",
    "own_chats",
    "require_namespace",
    "require_document",
    "require_chat",
}
# Functions that stand for a rule: they name one or another such function, and give nothing without it.
REQUIRING = {
    "luma_rag.chat.answers:_locked",
    "luma_rag.chat.answers:_locked_versions",
    "luma_rag.chat.turns:_open_chat",
    "luma_rag.changes.namespace:NamespaceChanges._read",
    "luma_rag.documents.ingestion:_readable",
    "luma_rag.documents.reindexing:_lock",
}
# Where requests come in: the command that starts the server does not answer for what they reach.
REQUESTS = "luma_rag.http."
# What all others must use.
RULE_BOOK = "luma_rag.access.rules"
# No request reaches these, unless something else calls them.
OUTSIDE = (
    "luma_rag.cli",
    "luma_rag.worker",
    "luma_rag.worker_process",
    "luma_rag.verify",
    "luma_rag.backup",
    "luma_rag.db",
    "luma_rag.sync",
)
EXEMPT = {
    "luma_rag.accounts.removal:owned_resources": "counts what a user owns, for administrators",
    "luma_rag.accounts.removal:remove": "for administrators, who may do everything",
    "luma_rag.accounts.users:_accounts": "counts what users own, for administrators",
    "luma_rag.chat.feedback:all_feedback": "for administrators; of a chat it gives only user and namespace",
    "luma_rag.chat.failures:fail": "ends a turn of the calling process; returns nothing",
    "luma_rag.chat.failures:recover": "ends the turns of dead processes for all users; returns nothing",
    "luma_rag.documents.generation_removal:<module>": "of a namespace that the caller may manage",
    "luma_rag.documents.pending_files:_with_document": "asks which files have a document",
    "luma_rag.documents.claims:<module>": "the worker calls it",
    "luma_rag.documents.ingestion:<module>": "names the states of ingestions, and reads none",
    "luma_rag.documents.ingestion_stats:measure": "counts for administrators, who may do everything",
    "luma_rag.documents.lexical_index:<module>": "only writes what search reads; the worker calls it",
    "luma_rag.documents.quotas:_usage": "counts what the caller owns, or a namespace they may write to",
    "luma_rag.documents.quotas:usage_of_user": "counts what the caller owns",
    "luma_rag.documents.segment_compaction:<module>": "the worker calls it",
    "luma_rag.documents.prewarming:<module>": "the worker calls it; reads pages into memory, returns none",
    "luma_rag.documents.vector_index:<module>": "the worker calls it; counts vectors, reads none",
    "luma_rag.documents.vectors:PostgresSink.model_for": "the worker calls it",
    "luma_rag.documents.vectors:PostgresSink.store": "the worker calls it, through the protocol of sinks",
    "luma_rag.documents.vectors:PostgresSink.link": "the worker calls it",
    "luma_rag.documents.store_identity:_belongs": "asks whether stored files exist, when Luma starts",
    "luma_rag.namespaces:_insert": "everybody may make a namespace, which is then theirs",
    "luma_rag.documents.workers:<module>": "says what the workers are doing, to administrators",
    "luma_rag.system:_queue": "counts for administrators, who may do everything",
    "luma_rag.system:_storage": "counts for administrators, who may do everything",
    "luma_rag.runtime:_state": "says whether documents wait; no row leaves it",
}
_SQL = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|INSERT|UPDATE|DELETE|WITH|TRUNCATE|COPY|MERGE|TABLE)\b",
    re.IGNORECASE | re.DOTALL,
)
_TABLES = re.compile(rf"\b({'|'.join(GUARDED.values())})\b", re.IGNORECASE)


@dataclass
class Function:
    """A function, a method (`Class.method`), or what stands outside of any (`<module>`)."""

    module: str
    name: str
    line: int
    tables: set[str] = field(default_factory=set)
    names_rule: bool = False
    # Whom it names, as "module:function".
    uses: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        return f"{self.module}:{self.name}"


def violations(
    modules: Mapping[str, str], exempt: Mapping[str, str] = EXEMPT, requiring: set[str] = REQUIRING
) -> list[str]:
    """What is wrong in modules, given by dotted name and source; empty where nothing is."""
    functions = {f.key: f for name, source in modules.items() for f in _functions(name, source, modules)}
    callers = defaultdict(set)
    for function in functions.values():
        for used in function.uses - {function.key}:
            callers[used].add(function.key)

    def is_right(key: str, seen: frozenset[str]) -> bool:
        function = functions[key]
        if function.names_rule or function.uses & requiring or key in exempt or function.module == RULE_BOOK:
            return True
        if function.module.startswith(REQUESTS):
            return False
        others = callers[key] - seen
        if _is_outside(function.module):
            others = {other for other in others if not _is_outside(functions[other].module)}
            return all(is_right(other, seen | {key}) for other in others)
        return bool(others) and all(is_right(other, seen | {key}) for other in others)

    found = [
        f"{f.module}, line {f.line}: {f.name} uses {', '.join(sorted(f.tables))}, and no rule of access "
        "stands in it or in all who call it"
        for f in functions.values()
        if f.tables and not is_right(f.key, frozenset())
    ]
    for key in sorted(exempt):
        if key not in functions or functions[key].names_rule:
            found.append(f"{key} needs no exemption (any more): take it out")
    for key in sorted(requiring):
        if key not in functions or not (functions[key].names_rule or functions[key].uses & requiring - {key}):
            found.append(f"{key} is said to name a rule, and does not")
    return found


def sources(folder: Path) -> dict[str, str]:
    """The modules of a package by their dotted names."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path.read_text()
    return found


def _is_outside(module: str) -> bool:
    return any(module == outside or module.startswith(f"{outside}.") for outside in OUTSIDE)


def _functions(module: str, source: str, modules: Mapping[str, str]) -> Iterator[Function]:
    tree = ast.parse(source)
    imported = _imports(tree, module, modules)
    local = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for name, line, nodes in _parts(tree):
        function = Function(module, name, line)
        owner = name.rpartition(".")[0]
        for node in nodes:
            for part in _code_of(node):
                _note(function, part, owner, imported, local, modules)
        yield function


def _imports(tree: ast.Module, module: str, modules: Mapping[str, str]) -> dict[str, str]:
    """What each imported name stands for, e.g. `Document` for `luma_rag.db.models.Document`."""
    found = {}
    names = module.split(".")
    is_package = any(other.startswith(f"{module}.") for other in modules)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            # One dot is the package that the module is in, each further one the package above.
            above = names[: len(names) - node.level + is_package] if node.level else []
            where = ".".join(filter(None, [*above, node.module]))
            found |= {alias.asname or alias.name: f"{where}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds the name `a`.
                root = alias.name.partition(".")[0]
                found[alias.asname or root] = alias.name if alias.asname else root
    return found


def _parts(tree: ast.Module) -> Iterator[tuple[str, int, list[ast.AST]]]:
    outside: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, [node]
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", inner.lineno, [inner]
                else:
                    outside.append(inner)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            outside.append(node)
    yield "<module>", 1, outside


def _code_of(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # A docstring.
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _code_of(child)


def _note(
    function: Function,
    node: ast.AST,
    owner: str,
    imported: Mapping[str, str],
    local: set[str],
    modules: Mapping[str, str],
) -> None:
    if isinstance(node, ast.Name):
        full = imported.get(node.id, "")
        if node.id in local:
            function.uses.add(f"{function.module}:{node.id}")
    elif isinstance(node, ast.Attribute):
        base, _, rest = _dotted(node).partition(".")
        full = f"{imported[base]}.{rest}" if base in imported else ""
        if base in ("self", "cls"):
            function.uses.add(f"{function.module}:{owner}.{node.attr}")
    elif isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        # Prose names documents and messages too; SQL begins with a verb.
        if _SQL.match(written := _written(node)):
            function.tables |= set(_TABLES.findall(written))
        return
    elif isinstance(node, ast.Call):
        # But in what is called `text` of SQLAlchemy's, all is SQL.
        base, _, rest = _dotted(node.func).partition(".")
        if f"{imported.get(base, '')}.{rest}".rstrip(".") in ("sqlalchemy.text", "sqlalchemy.sql.text"):
            for part in (inner for argument in node.args for inner in ast.walk(argument)):
                if isinstance(part, ast.Constant):
                    function.tables |= set(_TABLES.findall(_written(part)))
        return
    else:
        return
    where, _, what = full.rpartition(".")
    if where.startswith("luma_rag.db.models") and what in GUARDED:
        function.tables.add(what)
    elif where.startswith("luma_rag.access") and what in RULES:
        function.names_rule = True
    elif where in modules:
        function.uses.add(f"{where}:{what}")


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute; "" of anything else."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _written(node: ast.AST) -> str:
    """What stands in a string, or in strings that are put together."""
    if isinstance(node, ast.JoinedStr):
        return " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.BinOp):
        return f"{_written(node.left)} {_written(node.right)}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def main() -> None:
    """Check the package; exit with 1 where something is wrong."""
    package = Path(__file__).parents[2] / "luma_rag"
    found = violations(sources(package))
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
