"""The search statement: candidates by meaning and by words, fused, with the caller's rights in it."""

import functools
from collections.abc import Sequence
from typing import Any

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
from sqlalchemy.dialects.postgresql import REAL

from ingest.words import TERMS
from luma_rag.access import Principal, readable_namespaces
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
from luma_rag.retrieval.question import Question

CANDIDATES = 50
"""So many from either half are compared."""
MOST_POSTINGS = 10_000
MOST_SHARE = 0.05
"""Of a query's terms the rarest are looked up, as long as they stand in so many chunks together, or in large
namespaces this share of them. The others only add to the score of what these find."""
UNSIFTED = 2_000
LEAST_SHARE = 0.22
"""Beyond so many, a term passes over the chunks that it gives less than this share of the weight of the
weightiest term: adding these up takes most of the time, and hardly any of them is among the best."""
MOST_SCORED = 250
LOOK = 150
LOOK_AT = 100_000
LOOK_GROWS = 0.176
"""`hnsw.ef_search` in a namespace of up to so many vectors, and the power of the size with which it grows
from there: by half for ten times as many. See docs/decisions/0007-vector-index.md for the measured recall."""
MOST_LOOK = 1_000
"""What pgvector allows."""

_NAMESPACE_ID = bindparam("namespace_id", type_=Integer)
_DOC_IDS = bindparam("doc_ids", type_=ARRAY(Integer))


def search_statement(
    principal: Principal,
    namespace_id: int,
    question: Question,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
    indexed: bool = False,
) -> tuple[Select[Any], dict[str, Any]]:
    """The statement that finds the `k` best chunks, and its parameters.

    It selects the fields of `luma_rag.retrieval.hits.Found`, but for the rank and for what stands round the
    chunk. Nothing is found where the caller may not read. `indexed` says that the namespace has an HNSW
    index; it is right either way, and slow where it is wrong.
    """
    parameters: dict[str, Any] = {"namespace_id": namespace_id}
    if question.embedding is not None:
        parameters["embedding"] = question.embedding.tolist()
    if question.terms is not None:
        parameters |= {"terms": list(question.terms), "times": list(question.terms.values())}
    if question.embedding is not None and question.terms is not None:
        parameters["meaning"] = question.meaning
    if doc_ids is not None:
        parameters["doc_ids"] = list(doc_ids)
    form = Form(
        by_meaning=question.embedding is not None,
        by_words=question.terms is not None,
        narrowed=doc_ids is not None,
        indexed=namespace_id if indexed else None,
        k=k,
    )
    return prepared(principal.rights, form), parameters


class Form(msgspec.Struct, frozen=True):
    """What a statement depends on besides the caller; `indexed` is the namespace, if its index is used."""

    by_meaning: bool
    by_words: bool
    narrowed: bool
    indexed: int | None
    k: int


# Putting it together takes longer than carrying it out, and leaves 200 KB.
@functools.lru_cache(128)
def prepared(principal: Principal, form: Form) -> Select[Any]:
    """The statement for a caller: the rules in it are asked anew each time that it is carried out."""
    ranked = _ranked(form, permission(principal))
    best = select(*ranked.c).order_by(ranked.c.score.desc(), ranked.c.id).limit(_number(form.k)).cte("best")
    return (
        select(
            cast(ChunkVector.id, Text),
            Document.id,
            Document.title,
            Chunk.page,
            Chunk.heading,
            Chunk.text,
            best.c.score,
            -_distance() if form.by_meaning else literal(None, Float),
            best.c.coverage if form.by_words else literal(None, Float),
            Chunk.passage,
            Chunk.ordinal,
        )
        .select_from(best)
        .join(ChunkVector, ChunkVector.id == best.c.id)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .join(Document, Document.id == ChunkVector.doc_id)
        .order_by(best.c.score.desc(), best.c.id)
    )


def permission(principal: Principal) -> ColumnElement[bool]:
    """Whether the caller may read the namespace; found out once, however often it is asked."""
    permitted = (
        readable_namespaces(principal)
        .where(Namespace.id == _NAMESPACE_ID)
        .cte("permitted")
        .prefix_with("MATERIALIZED")
    )
    return select(permitted.c.id).exists()


def _ranked(form: Form, may_read: ColumnElement[bool]) -> CTE:
    """Ids and scores of the best by meaning, by words, or by both; with words, how well these are covered."""
    if not form.by_words:
        return _by_meaning(form, may_read)
    weighed = _weighed(may_read)
    words = _by_words(form, may_read, weighed)
    if form.by_meaning:
        return _fused(_by_meaning(form, may_read), words, weighed)
    return select(words.c.id, words.c.score, _coverage(words.c.score, weighed)).cte("covered")


def _number(number: int) -> ColumnElement[int]:
    """A number that stands in the statement itself, where Postgres plans by it."""
    return literal_column(str(int(number)), Integer)


def _by_meaning(form: Form, may_read: ColumnElement[bool]) -> CTE:
    """The nearest by cosine: exact over the covering index of the namespace alone, or by its HNSW index."""
    # Named, so that ordering and output share one computation for each row.
    distance = _distance().label("distance")
    nearest = select(ChunkVector.id, distance).where(may_read).limit(_depth(form))
    if form.indexed is not None and not form.narrowed:
        # Only a number that stands there shows that the partial index fits.
        mine = ChunkVector.namespace_id == _number(form.indexed)
        nearest = nearest.where(mine, _looks_far_enough()).order_by(distance)
    else:
        nearest = nearest.where(ChunkVector.namespace_id == _NAMESPACE_ID).order_by(distance, ChunkVector.id)
    if form.narrowed:
        nearest = nearest.where(ChunkVector.doc_id == any_(_DOC_IDS))
    found = nearest.subquery("nearest")
    by_meaning = select(found.c.id, (-found.c.distance).label("score")).cte("by_meaning")
    return by_meaning.prefix_with("MATERIALIZED")


def _looks_far_enough() -> ColumnElement[bool]:
    """Tells HNSW how many neighbours to look at, until the statement ends.

    Postgres finds out what depends on no row before it looks at the first. As a message of its own it would
    take as long as half a search.
    """
    grown = func.power(_held() / LOOK_AT, LOOK_GROWS, type_=Float)
    look = func.least(func.greatest(LOOK, LOOK * grown), MOST_LOOK, type_=Float)
    setting = func.set_config("hnsw.ef_search", cast(cast(look, Integer), Text), True)
    return select(setting).scalar_subquery().is_not(None)


def _held() -> ColumnElement[float]:
    """How many chunks the namespace holds."""
    return (
        select(cast(func.coalesce(func.sum(LexicalSegment.chunks), 0), Float))
        .where(LexicalSegment.namespace_id == _NAMESPACE_ID)
        .scalar_subquery()
    )


def _distance() -> ColumnElement[float]:
    # All vectors have length 1: the inner product is the cosine, and cheaper.
    # Numbers travel as they are; as the text of a halfvec they took as long as the search. The select around
    # makes one halfvec of them, and not one for each row.
    query = select(cast(bindparam("embedding", type_=ARRAY(REAL)), HALFVEC(DIMENSIONS)))
    return ChunkVector.embedding.op("<#>", return_type=Float)(query.scalar_subquery())


def _depth(form: Form) -> ColumnElement[int]:
    return _number(max(form.k, CANDIDATES))


def _weighed(may_read: ColumnElement[bool]) -> CTE:
    """The terms of the query: in how many chunks of the namespace each stands, and its weight in the query.

    `so_far` is how many chunks it and all rarer ones stand in, each counted as often as it is met, and `most`
    how many of these may be looked at; `least` is what a chunk must have more of than this, of the term's
    weight.
    """
    asked = (
        func.unnest(bindparam("terms", type_=ARRAY(Integer)), bindparam("times", type_=ARRAY(Integer)))
        .table_valued(column("term", Integer), column("times", Integer), name="asked")
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
        # All that searches by words starts from these.
        .where(may_read)
        .group_by(asked.c.term, asked.c.times)
        .cte("known")
    )
    held = _held()
    idf = func.ln(1 + (held - known.c.chunks + 0.5) / (known.c.chunks + 0.5), type_=Float)
    valued = select(
        known.c.term,
        known.c.chunks,
        (known.c.times * idf).label("weight"),
        func.sum(known.c.chunks).over(order_by=(known.c.chunks, known.c.term)).label("so_far"),
        func.greatest(MOST_POSTINGS, MOST_SHARE * held, type_=Float).label("most"),
    ).subquery("valued")
    weightiest = func.max(case((valued.c.chunks > 0, valued.c.weight))).over()
    least = case((valued.c.so_far > UNSIFTED, LEAST_SHARE * weightiest / valued.c.weight), else_=0.0)
    return select(*valued.c, cast(least, REAL).label("least")).cte("weighed").prefix_with("MATERIALIZED")


def _bm25(weighed: CTE) -> Any:
    """The score of a `LexicalVector`: the inner product of its weights with those of the query."""
    listed = func.string_agg(func.concat(weighed.c.term, ":", weighed.c.weight), ",")
    query = select(cast(func.concat("{", listed, f"}}/{TERMS}", type_=Text), SPARSEVEC(TERMS)))
    return -LexicalVector.weights.op("<#>", return_type=Float)(query.scalar_subquery())


def _coverage(bm25: ColumnElement[float], weighed: CTE) -> ColumnElement[float]:
    """The score as a share of all weights in the query, those of terms that stand nowhere too."""
    whole = select(func.sum(weighed.c.weight)).scalar_subquery()
    return _share(bm25, whole).label("coverage")


def _share(part: ColumnElement[float], whole: ColumnElement[float]) -> ColumnElement[float]:
    """One number as a share of another; 0 where that is 0 or missing."""
    # Without the type SQLAlchemy divides by a numeric, which goes by way of its digits.
    return func.coalesce(part / func.nullif(whole, 0.0, type_=Float), 0.0)


def _by_words(form: Form, may_read: ColumnElement[bool], weighed: CTE) -> CTE:
    """The best by BM25, with statistics of the namespace as it is in this moment.

    All chunks of the rarest terms get a first score by these alone; the best of them are then scored by all
    terms. What shares only frequent terms with the query is not found where there is rarer to be found.
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
        # They are in the order of their weights.
        worth = slice(func.width_bucket(weighed.c.least, LexicalPosting.weights) + 1, LexicalPosting.chunks)
        # In the list of columns these are much cheaper than as a table.
        entry = (
            select(
                func.unnest(LexicalPosting.vectors[worth]).label("id"),
                func.unnest(LexicalPosting.weights[worth]).label("share"),
                cast(weighed.c.weight, REAL).label("weight"),
            )
            .join(weighed, LexicalPosting.term == weighed.c.term)
            .where(
                LexicalPosting.namespace_id == _NAMESPACE_ID,
                or_(weighed.c.so_far <= weighed.c.most, weighed.c.so_far == weighed.c.chunks),
            )
            .subquery("entry")
        )
        first = (
            select(entry.c.id)
            .group_by(entry.c.id)
            .order_by(func.sum(entry.c.share * entry.c.weight).desc())
            .limit(_number(MOST_SCORED))
            .cte("first_look")
        )
    scored = (
        select(LexicalVector.id, _bm25(weighed).label("score"))
        .join(first, first.c.id == LexicalVector.id)
        .cte("scored")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(scored.c.id, scored.c.score)
        .where(scored.c.score > 0)
        .order_by(scored.c.score.desc(), scored.c.id)
        .limit(_depth(form))
        .cte("by_words")
        .prefix_with("MATERIALIZED")
    )


def _fused(meaning: CTE, words: CTE, weighed: CTE) -> CTE:
    """Of what either half has found, a mean of both scores, each as a share of the best there is."""
    either = meaning.join(words, words.c.id == meaning.c.id, full=True)
    found = func.coalesce(meaning.c.id, words.c.id)
    # Looked up only where the half itself has not found it.
    cosine = select(-_distance()).where(ChunkVector.id == words.c.id).scalar_subquery()
    bm25 = select(_bm25(weighed)).where(LexicalVector.id == meaning.c.id).scalar_subquery()
    both = (
        select(
            found.label("id"),
            func.greatest(func.coalesce(meaning.c.score, cosine), 0.0, type_=Float).label("cosine"),
            # What is not yet taken apart into words has no weights.
            func.coalesce(words.c.score, bm25, 0.0, type_=Float).label("bm25"),
        )
        .select_from(either)
        .cte("both")
        .prefix_with("MATERIALIZED")
    )
    by_meaning, by_words = (
        _share(score, func.max(score, type_=Float).over()) for score in (both.c.cosine, both.c.bm25)
    )
    share = bindparam("meaning", type_=Float)
    score = (share * by_meaning + (1 - share) * by_words).label("score")
    return select(both.c.id, score, _coverage(both.c.bm25, weighed)).cte("fused")
