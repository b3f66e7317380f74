"""The lexical half of the search statement: BM25 over posting lists. See ADR 5."""

from collections.abc import Sequence
from typing import Any

from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Float,
    Integer,
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
from luma_rag.db.models import LexicalMember, LexicalPosting, LexicalSegment, LexicalVector

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
NAMESPACE_ID = bindparam("namespace_id", type_=Integer)
DOC_IDS = bindparam("doc_ids", type_=ARRAY(Integer))
# A literal in the SQL that Postgres gets, because it plans by the number of rows.
DEPTH = bindparam("depth", type_=Integer, literal_execute=True)


def chunk_count() -> ColumnElement[float]:
    """The number of chunks in the namespace."""
    return (
        select(cast(func.coalesce(func.sum(LexicalSegment.chunks), 0), Float))
        .where(LexicalSegment.namespace_id == NAMESPACE_ID)
        .scalar_subquery()
    )


def weighted_terms(may_read: ColumnElement[bool]) -> CTE:
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
            and_(LexicalPosting.term == asked.c.term, LexicalPosting.namespace_id == NAMESPACE_ID),
        )
        # All of lexical search depends on this CTE.
        .where(may_read)
        .group_by(asked.c.term, asked.c.times)
        .cte("known")
    )
    chunks = chunk_count()
    idf = func.ln(1 + (chunks - known.c.chunks + 0.5) / (known.c.chunks + 0.5), type_=Float)
    valued = select(
        known.c.term,
        known.c.chunks,
        (known.c.times * idf).label("weight"),
        func.sum(known.c.chunks).over(order_by=(known.c.chunks, known.c.term)).label("so_far"),
        func.greatest(MAX_POSTINGS, MAX_POSTINGS_RATIO * chunks, type_=Float).label("most"),
    ).subquery("valued")
    weightiest = func.max(case((valued.c.chunks > 0, valued.c.weight))).over()
    least = case((valued.c.so_far > PRUNE_AFTER, MIN_WEIGHT_RATIO * weightiest / valued.c.weight), else_=0.0)
    return select(*valued.c, cast(least, REAL).label("least")).cte("weighted").prefix_with("MATERIALIZED")


def bm25_score(weighted: CTE) -> Any:
    """The BM25 score of a `LexicalVector`: the inner product of its weights and the query's."""
    listed = func.string_agg(func.concat(weighted.c.term, ":", weighted.c.weight), ",")
    query = select(
        cast(func.concat("{", listed, f"}}/{TERM_ID_SPACE}", type_=Text), SPARSEVEC(TERM_ID_SPACE))
    )
    return -LexicalVector.weights.op("<#>", return_type=Float)(query.scalar_subquery())


def coverage(bm25: ColumnElement[float], weighted: CTE) -> ColumnElement[float]:
    """The score as a share of the query's total weight, including terms that occur nowhere."""
    whole = select(func.sum(weighted.c.weight)).scalar_subquery()
    return share(bm25, whole).label("coverage")


def share(part: ColumnElement[float], whole: ColumnElement[float]) -> ColumnElement[float]:
    """`part / whole`; 0 if `whole` is 0 or NULL."""
    # Without the type SQLAlchemy divides by a numeric, by way of decimal digits.
    return func.coalesce(part / func.nullif(whole, 0.0, type_=Float), 0.0)


def lexical_chunks(may_read: ColumnElement[bool], weighted: CTE, *, narrowed: bool) -> CTE:
    """The best chunks by BM25, with the namespace's current statistics.

    All chunks with the rarest terms get a preliminary score by these alone. The best of them are then scored
    by all terms. A chunk that shares only frequent terms with the query is not found if rarer terms match
    elsewhere.
    """
    if narrowed:
        first = (
            select(func.unnest(LexicalMember.vectors).label("id"))
            .where(
                LexicalMember.namespace_id == NAMESPACE_ID,
                LexicalMember.doc_id == any_(DOC_IDS),
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
                LexicalPosting.namespace_id == NAMESPACE_ID,
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
        select(LexicalVector.id, bm25_score(weighted).label("score"))
        .join(first, first.c.id == LexicalVector.id)
        .cte("scored")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(scored.c.id, scored.c.score)
        .where(scored.c.score > 0)
        .order_by(scored.c.score.desc(), scored.c.id)
        .limit(DEPTH)
        .cte("lexical")
        .prefix_with("MATERIALIZED")
    )


def weights_by_term(weighted: CTE | None) -> ColumnElement[Sequence[float]]:
    """The weights of the query's terms, in the order of their ids; NULL without lexical search."""
    if weighted is None:
        return literal(None, ARRAY(REAL))
    ordered = func.array_agg(aggregate_order_by(cast(weighted.c.weight, REAL), weighted.c.term))
    return select(ordered).scalar_subquery()
