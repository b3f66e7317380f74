"""The search statement: dense and lexical candidates, fused, with the caller's rights in the SQL."""

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import REAL, aggregate_order_by

from ingest.words import TERM_ID_SPACE
from luma_rag.access import CallerForm, Principal, readable_namespaces
from luma_rag.db.models import (
    Chunk,
    ChunkVector,
    Document,
    LexicalMember,
    LexicalPosting,
    LexicalSegment,
    LexicalVector,
    Namespace,
)
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.retrieval.search_query import SearchQuery

CANDIDATES = 50
"""Candidates from the dense and from the lexical half."""
MAX_POSTINGS = 10_000
MAX_POSTINGS_RATIO = 0.05
"""The rarest terms of a query are looked up as long as their chunks sum to at most this number, or in large
namespaces to this share. Frequent terms only add to the scores of the chunks so found.
"""
PRUNE_AFTER = 2_000
MIN_WEIGHT_RATIO = 0.22
"""After this many chunks, postings are pruned whose weight is below this ratio of the heaviest term's weight.
Summing them takes most of the time, and they are hardly ever among the best.
"""
MAX_SCORED = 250
EF_SEARCH = 150
EF_SEARCH_SIZE = 100_000
EF_SEARCH_EXPONENT = 0.176
"""`hnsw.ef_search` up to this namespace size, and the exponent of its growth beyond: half as much again for
ten times the size. Chosen by measured recall, see docs/decisions/0007-vector-index.md.
"""
MAX_EF_SEARCH = 1_000
"""pgvector's maximum."""

T = TypeVar("T")
_NAMESPACE_ID = bindparam("namespace_id", type_=Integer)
_DOC_IDS = bindparam("doc_ids", type_=ARRAY(Integer))
# Literals in the SQL that Postgres gets: it plans by the number of rows, and only a literal namespace id
# proves that the partial HNSW index of the namespace applies.
_K = bindparam("k", type_=Integer, literal_execute=True)
_DEPTH = bindparam("depth", type_=Integer, literal_execute=True)
_INDEX_OF = bindparam("index_of", type_=Integer, literal_execute=True)


def search_statement(
    principal: Principal,
    namespace_id: int,
    question: SearchQuery,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
    indexed: bool = False,
) -> tuple[Select[Any], dict[str, Any]]:
    """The statement that finds the `k` best chunks, with its parameters.

    It selects the fields of `luma_rag.retrieval.hits.ScoredChunk` except the rank and the context window,
    then the file name of the document and, in the first row of a lexical or hybrid search, the weights of the
    query's terms in the order of their ids. It finds nothing if the caller may not read the namespace.
    `indexed` says that the namespace has an HNSW index; a wrong value is slow but correct.
    """
    parameters: dict[str, Any] = principal.parameters | {"namespace_id": namespace_id}
    if indexed:
        parameters["index_of"] = namespace_id
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
        indexed=indexed,
    )
    return prepared(form), parameters


class Form(msgspec.Struct, frozen=True):
    """Everything that shapes a statement."""

    caller: CallerForm
    dense: bool
    lexical: bool
    narrowed: bool
    indexed: bool


# Building a statement takes longer than running it. There are at most 144 forms, of 200 KB each.
@functools.cache
def prepared(form: Form) -> Select[Any]:
    """The statement of a form. Its access rules are evaluated on each execution."""
    may_read = permission(form.caller)
    weighted = _weighted_terms(may_read) if form.lexical else None
    ranked = _ranked(form, may_read, weighted)
    best = select(*ranked.c).order_by(ranked.c.score.desc(), ranked.c.id).limit(_K).cte("best")
    return (
        select(
            cast(ChunkVector.id, Text),
            Document.id,
            Document.title,
            Chunk.page,
            Chunk.heading,
            Chunk.text,
            best.c.score,
            -_distance() if form.dense else literal(None, Float),
            best.c.coverage if form.lexical else literal(None, Float),
            Chunk.passage,
            Chunk.ordinal,
            Document.file_metadata["original_filename"].as_string().label("file_name"),
            _first_only(_weights_by_term(weighted), best).label("term_weights"),
        )
        .select_from(best)
        .join(ChunkVector, ChunkVector.id == best.c.id)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .join(Document, Document.id == ChunkVector.doc_id)
        .order_by(best.c.score.desc(), best.c.id)
    )


def permission(caller: CallerForm) -> ColumnElement[bool]:
    """Whether the caller may read the namespace; evaluated once per statement."""
    permitted = (
        readable_namespaces(caller)
        .where(Namespace.id == _NAMESPACE_ID)
        .cte("permitted")
        .prefix_with("MATERIALIZED")
    )
    return select(permitted.c.id).exists()


def _weights_by_term(weighted: CTE | None) -> ColumnElement[Sequence[float]]:
    """The weights of the query's terms, in the order of their ids; NULL without lexical search."""
    if weighted is None:
        return literal(None, ARRAY(REAL))
    ordered = func.array_agg(aggregate_order_by(cast(weighted.c.weight, REAL), weighted.c.term))
    return select(ordered).scalar_subquery()


def _first_only(value: ColumnElement[T], best: CTE) -> ColumnElement[T]:
    """The value in the first row of the result, NULL in the others: sending it again would take time."""
    row = func.row_number().over(order_by=(best.c.score.desc(), best.c.id))
    return case((row == 1, value))


def _ranked(form: Form, may_read: ColumnElement[bool], weighted: CTE | None) -> CTE:
    """Ids and scores of the best chunks, and their coverage of the query in lexical search."""
    if weighted is None:
        return _dense(form, may_read)
    lexical = _lexical(form, may_read, weighted)
    if form.dense:
        return _fused(_dense(form, may_read), lexical, weighted)
    return select(lexical.c.id, lexical.c.score, _coverage(lexical.c.score, weighted)).cte("covered")


def _dense(form: Form, may_read: ColumnElement[bool]) -> CTE:
    """The nearest chunks by cosine: exact over the namespace's covering index, or by its HNSW index."""
    # Labeled, so that ordering and output share one computation per row.
    distance = _distance().label("distance")
    nearest = select(ChunkVector.id, distance).where(may_read).limit(_DEPTH)
    if form.indexed and not form.narrowed:
        mine = ChunkVector.namespace_id == _INDEX_OF
        nearest = nearest.where(mine, _set_ef_search()).order_by(distance)
    else:
        nearest = nearest.where(ChunkVector.namespace_id == _NAMESPACE_ID).order_by(distance, ChunkVector.id)
    if form.narrowed:
        nearest = nearest.where(ChunkVector.doc_id == any_(_DOC_IDS))
    found = nearest.subquery("nearest")
    dense = select(found.c.id, (-found.c.distance).label("score")).cte("dense")
    return dense.prefix_with("MATERIALIZED")


def _set_ef_search() -> ColumnElement[bool]:
    """Set `hnsw.ef_search` for the current statement.

    Postgres evaluates this row-independent condition before it reads the first row. A separate message would
    take as long as half a search.
    """
    grown = func.power(_chunk_count() / EF_SEARCH_SIZE, EF_SEARCH_EXPONENT, type_=Float)
    look = func.least(func.greatest(EF_SEARCH, EF_SEARCH * grown), MAX_EF_SEARCH, type_=Float)
    setting = func.set_config("hnsw.ef_search", cast(cast(look, Integer), Text), True)
    return select(setting).scalar_subquery().is_not(None)


def _chunk_count() -> ColumnElement[float]:
    """The number of chunks in the namespace."""
    return (
        select(cast(func.coalesce(func.sum(LexicalSegment.chunks), 0), Float))
        .where(LexicalSegment.namespace_id == _NAMESPACE_ID)
        .scalar_subquery()
    )


def _distance() -> ColumnElement[float]:
    # All vectors have length 1, so the inner product is the cosine, and cheaper. The numbers travel in
    # binary; the text form of a halfvec took as long as the search. The subselect converts them once instead
    # of once per row.
    query = select(cast(bindparam("embedding", type_=ARRAY(REAL)), HALFVEC(DIMENSIONS)))
    return ChunkVector.embedding.op("<#>", return_type=Float)(query.scalar_subquery())


def _weighted_terms(may_read: ColumnElement[bool]) -> CTE:
    """The terms of the query, with their document frequency in chunks and their weight.

    `so_far` is the running sum of chunks from the rarest term on, `most` its limit, and `least` the share of
    the term's weight that a posting must exceed.
    """
    asked = (
        func.unnest(bindparam("terms", type_=ARRAY(Integer)), bindparam("times", type_=ARRAY(Float)))
        .table_valued(column("term", Integer), column("times", Float), name="asked")
        .render_derived()
    )
    known = (
        select(
            asked.c.term,
            asked.c.times,
            cast(func.coalesce(func.sum(LexicalPosting.chunks), 0), Float).label("chunks"),
        )
        .select_from(asked)
        .outerjoin(
            LexicalPosting,
            and_(LexicalPosting.term == asked.c.term, LexicalPosting.namespace_id == _NAMESPACE_ID),
        )
        # All of lexical search depends on this CTE.
        .where(may_read)
        .group_by(asked.c.term, asked.c.times)
        .cte("known")
    )
    chunk_count = _chunk_count()
    idf = func.ln(1 + (chunk_count - known.c.chunks + 0.5) / (known.c.chunks + 0.5), type_=Float)
    valued = select(
        known.c.term,
        known.c.chunks,
        (known.c.times * idf).label("weight"),
        func.sum(known.c.chunks).over(order_by=(known.c.chunks, known.c.term)).label("so_far"),
        func.greatest(MAX_POSTINGS, MAX_POSTINGS_RATIO * chunk_count, type_=Float).label("most"),
    ).subquery("valued")
    weightiest = func.max(case((valued.c.chunks > 0, valued.c.weight))).over()
    least = case((valued.c.so_far > PRUNE_AFTER, MIN_WEIGHT_RATIO * weightiest / valued.c.weight), else_=0.0)
    return select(*valued.c, cast(least, REAL).label("least")).cte("weighted").prefix_with("MATERIALIZED")


def _bm25(weighted: CTE) -> Any:
    """The BM25 score of a `LexicalVector`: the inner product of its weights and the query's."""
    listed = func.string_agg(func.concat(weighted.c.term, ":", weighted.c.weight), ",")
    query = select(
        cast(func.concat("{", listed, f"}}/{TERM_ID_SPACE}", type_=Text), SPARSEVEC(TERM_ID_SPACE))
    )
    return -LexicalVector.weights.op("<#>", return_type=Float)(query.scalar_subquery())


def _coverage(bm25: ColumnElement[float], weighted: CTE) -> ColumnElement[float]:
    """The score as a share of the query's total weight, including terms that occur nowhere."""
    whole = select(func.sum(weighted.c.weight)).scalar_subquery()
    return _share(bm25, whole).label("coverage")


def _share(part: ColumnElement[float], whole: ColumnElement[float]) -> ColumnElement[float]:
    """`part / whole`; 0 if `whole` is 0 or NULL."""
    # Without the type SQLAlchemy divides by a numeric, by way of decimal digits.
    return func.coalesce(part / func.nullif(whole, 0.0, type_=Float), 0.0)


def _lexical(form: Form, may_read: ColumnElement[bool], weighted: CTE) -> CTE:
    """The best chunks by BM25, with the namespace's current statistics.

    All chunks with the rarest terms get a preliminary score by these alone. The best of them are then scored
    by all terms. A chunk that shares only frequent terms with the query is not found if rarer terms match
    elsewhere.
    """
    if form.narrowed:
        first = (
            select(func.unnest(LexicalMember.vectors).label("id"))
            .where(
                LexicalMember.namespace_id == _NAMESPACE_ID,
                LexicalMember.doc_id == any_(_DOC_IDS),
                may_read,
            )
            .cte("first_look")
        )
    else:
        # Postings are sorted by weight.
        worth = slice(func.width_bucket(weighted.c.least, LexicalPosting.weights) + 1, LexicalPosting.chunks)
        # In the select list these are much cheaper than in FROM.
        entry = (
            select(
                func.unnest(LexicalPosting.vectors[worth]).label("id"),
                func.unnest(LexicalPosting.weights[worth]).label("share"),
                cast(weighted.c.weight, REAL).label("weight"),
            )
            .join(weighted, LexicalPosting.term == weighted.c.term)
            .where(
                LexicalPosting.namespace_id == _NAMESPACE_ID,
                or_(weighted.c.so_far <= weighted.c.most, weighted.c.so_far == weighted.c.chunks),
            )
            .subquery("entry")
        )
        first = (
            select(entry.c.id)
            .group_by(entry.c.id)
            .order_by(func.sum(entry.c.share * entry.c.weight).desc())
            .limit(literal_column(str(MAX_SCORED), Integer))
            .cte("first_look")
        )
    scored = (
        select(LexicalVector.id, _bm25(weighted).label("score"))
        .join(first, first.c.id == LexicalVector.id)
        .cte("scored")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(scored.c.id, scored.c.score)
        .where(scored.c.score > 0)
        .order_by(scored.c.score.desc(), scored.c.id)
        .limit(_DEPTH)
        .cte("lexical")
        .prefix_with("MATERIALIZED")
    )


def _fused(dense: CTE, lexical: CTE, weighted: CTE) -> CTE:
    """The union of both halves, scored by the weighted mean of both scores, each divided by its maximum."""
    either = dense.join(lexical, lexical.c.id == dense.c.id, full=True)
    found = func.coalesce(dense.c.id, lexical.c.id)
    # Computed only for chunks that this half has not found.
    cosine = select(-_distance()).where(ChunkVector.id == lexical.c.id).scalar_subquery()
    bm25 = select(_bm25(weighted)).where(LexicalVector.id == dense.c.id).scalar_subquery()
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
        _share(score, func.max(score, type_=Float).over()) for score in (both.c.cosine, both.c.bm25)
    )
    weight = bindparam("dense_weight", type_=Float)
    score = (weight * dense_share + (1 - weight) * lexical_share).label("score")
    return select(both.c.id, score, _coverage(both.c.bm25, weighted)).cte("fused")
