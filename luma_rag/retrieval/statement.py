"""The search statement: dense and lexical candidates, fused, with the caller's rights in the SQL."""

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
)

from luma_rag.access import CallerForm, Principal, readable_namespaces
from luma_rag.db.models import (
    Chunk,
    ChunkVector,
    Document,
    LexicalVector,
    Namespace,
)
from luma_rag.retrieval.lexical_statement import (
    DEPTH,
    DOC_IDS,
    NAMESPACE_ID,
    bm25_score,
    chunk_count,
    coverage,
    lexical_chunks,
    share,
    weighted_terms,
    weights_by_term,
)
from luma_rag.retrieval.search_query import SearchQuery
from luma_rag.retrieval.vector_source import (
    INLINE,
    Layout,
    VectorSource,
    distance_of,
    document_id,
    is_kept,
    is_searched,
    search_id,
    vector_distance,
)

CANDIDATES = 50
"""Candidates from the dense and from the lexical half."""
EF_SEARCH = 150
EF_SEARCH_SIZE = 100_000
EF_SEARCH_EXPONENT = 0.176
"""`hnsw.ef_search` up to this namespace size, and the exponent of its growth beyond: half as much again for
ten times the size. Chosen by measured recall, see docs/decisions/0007-vector-index.md.
"""
MAX_EF_SEARCH = 1_000
"""pgvector's maximum."""

T = TypeVar("T")
# A literal in the SQL that Postgres gets, because it plans by the number of rows.
_K = bindparam("k", type_=Integer, literal_execute=True)


def search_statement(
    principal: Principal,
    namespace_id: int,
    question: SearchQuery,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
    source: VectorSource = INLINE,
) -> tuple[Select[Any], dict[str, Any]]:
    """The statement that finds the `k` best chunks, with its parameters.

    It selects the fields of `luma_rag.retrieval.hits.ScoredChunk` except the rank and the context window,
    then the file name of the document and, in the first row of a lexical or hybrid search, the weights of the
    query's terms in the order of their ids. It finds nothing if the caller may not read the namespace, or the
    namespace has no such `source`. If that seems to have an HNSW index and has none, it is slow but correct.
    """
    parameters: dict[str, Any] = principal.parameters | {"namespace_id": namespace_id}
    parameters |= source.parameters(namespace_id)
    parameters |= {"k": k, "depth": max(k, CANDIDATES)}
    if question.embedding is not None:
        parameters["embedding"] = question.embedding.tolist()
    if question.terms is not None:
        parameters |= {"terms": list(question.terms), "times": list(map(float, question.terms.values()))}
    if question.embedding is not None and question.terms is not None:
        parameters["dense_weight"] = question.dense_weight
    if doc_ids is not None:
        parameters["doc_ids"] = list(doc_ids)
    form = Form(
        principal.form,
        dense=question.embedding is not None,
        lexical=question.terms is not None,
        narrowed=doc_ids is not None,
        layout=source.layout,
    )
    return prepared(form), parameters


class Form(msgspec.Struct, frozen=True):
    """Everything that shapes a statement."""

    caller: CallerForm
    dense: bool
    lexical: bool
    narrowed: bool
    layout: Layout


# Building a statement takes longer than running it. There are at most 144 forms, of 200 KB each, and as many
# again for each length of vectors beside the usual one.
@functools.cache
def prepared(form: Form) -> Select[Any]:
    """The statement of a form. Its access rules are evaluated on each execution."""
    may_read = permission(form.caller, form.layout)
    weighted = weighted_terms(may_read) if form.lexical else None
    ranked = _ranked(form, may_read, weighted)
    best = select(*ranked.c).order_by(ranked.c.score.desc(), ranked.c.id).limit(_K).cte("best")
    layout = form.layout
    # Of the row that is joined anyway, if the vectors are there.
    distance = vector_distance(layout) if layout.is_inline else distance_of(layout, best.c.id)
    return (
        select(
            cast(ChunkVector.id, Text),
            Document.id,
            Document.title,
            Chunk.page,
            Chunk.heading,
            Chunk.text,
            best.c.score,
            -distance if form.dense else literal(None, Float),
            best.c.coverage if form.lexical else literal(None, Float),
            Chunk.passage,
            Chunk.ordinal,
            Document.file_metadata["original_filename"].as_string().label("file_name"),
            _first_only(weights_by_term(weighted), best).label("term_weights"),
        )
        .select_from(best)
        .join(ChunkVector, ChunkVector.id == best.c.id)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .join(Document, Document.id == ChunkVector.doc_id)
        .order_by(best.c.score.desc(), best.c.id)
    )


def permission(caller: CallerForm, layout: Layout) -> ColumnElement[bool]:
    """Whether the caller may read the namespace, which has the generation; evaluated once per statement."""
    permitted = (
        readable_namespaces(caller)
        .where(Namespace.id == NAMESPACE_ID, *is_kept(layout))
        .cte("permitted")
        .prefix_with("MATERIALIZED")
    )
    return select(permitted.c.id).exists()


def _first_only(value: ColumnElement[T], best: CTE) -> ColumnElement[T]:
    """The value in the first row of the result, NULL in the others: sending it again would take time."""
    row = func.row_number().over(order_by=(best.c.score.desc(), best.c.id))
    return case((row == 1, value))


def _ranked(form: Form, may_read: ColumnElement[bool], weighted: CTE | None) -> CTE:
    """Ids and scores of the best chunks, and their coverage of the query in lexical search."""
    if weighted is None:
        return _dense(form, may_read)
    lexical = lexical_chunks(may_read, weighted, narrowed=form.narrowed)
    if form.dense:
        return _fused(_dense(form, may_read), lexical, weighted, form.layout)
    return select(lexical.c.id, lexical.c.score, coverage(lexical.c.score, weighted)).cte("covered")


def _dense(form: Form, may_read: ColumnElement[bool]) -> CTE:
    """The nearest chunks by cosine: exact over the namespace's covering index, or by its HNSW index."""
    layout = form.layout
    by_index = layout.indexed and not form.narrowed
    # Labeled, so that ordering and output share one computation per row.
    distance = vector_distance(layout, by_index=by_index).label("distance")
    nearest = select(search_id(layout).label("id"), distance).where(
        may_read, *is_searched(layout, by_index=by_index)
    )
    if by_index:
        nearest = nearest.where(_set_ef_search()).order_by(distance)
    else:
        nearest = nearest.order_by(distance, search_id(layout))
    if form.narrowed:
        nearest = nearest.where(document_id(layout) == any_(DOC_IDS))
    nearest = nearest.limit(DEPTH)
    found = nearest.subquery("nearest")
    dense = select(found.c.id, (-found.c.distance).label("score")).cte("dense")
    return dense.prefix_with("MATERIALIZED")


def _set_ef_search() -> ColumnElement[bool]:
    """Set `hnsw.ef_search` for the current statement.

    Postgres evaluates this row-independent condition before it reads the first row. A separate message would
    take as long as half a search.
    """
    grown = func.power(chunk_count() / EF_SEARCH_SIZE, EF_SEARCH_EXPONENT, type_=Float)
    look = func.least(func.greatest(EF_SEARCH, EF_SEARCH * grown), MAX_EF_SEARCH, type_=Float)
    setting = func.set_config("hnsw.ef_search", cast(cast(look, Integer), Text), True)
    return select(setting).scalar_subquery().is_not(None)


def _fused(dense: CTE, lexical: CTE, weighted: CTE, layout: Layout) -> CTE:
    """The union of both halves, scored by the weighted mean of both scores, each divided by its maximum."""
    either = dense.join(lexical, lexical.c.id == dense.c.id, full=True)
    found = func.coalesce(dense.c.id, lexical.c.id)
    # Computed only for chunks that this half has not found.
    cosine = -distance_of(layout, lexical.c.id)
    bm25 = select(bm25_score(weighted)).where(LexicalVector.id == dense.c.id).scalar_subquery()
    both = (
        select(
            found.label("id"),
            func.greatest(func.coalesce(dense.c.score, cosine), 0.0, type_=Float).label("cosine"),
            # A document not yet in the lexical index has no weights.
            func.coalesce(lexical.c.score, bm25, 0.0, type_=Float).label("bm25"),
        )
        .select_from(either)
        .cte("both")
        .prefix_with("MATERIALIZED")
    )
    dense_share, lexical_share = (
        share(score, func.max(score, type_=Float).over()) for score in (both.c.cosine, both.c.bm25)
    )
    weight = bindparam("dense_weight", type_=Float)
    score = (weight * dense_share + (1 - weight) * lexical_share).label("score")
    return select(both.c.id, score, coverage(both.c.bm25, weighted)).cte("fused")
