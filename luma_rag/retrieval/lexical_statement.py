"""The lexical half of the search statement: BM25 over posting lists. See ADR 5."""

import functools
from collections.abc import Sequence
from typing import Any

from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Subquery,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import REAL, aggregate_order_by

from ingest.words import TERM_ID_SPACE
from luma_rag.db.models import LexicalMember, LexicalPosting, LexicalSegment, LexicalVector

MAX_POSTINGS = 10_000
MAX_POSTINGS_RATIO = 0.1
"""The rarest terms of a query are looked up as long as their chunks sum to at most this number, or in large
namespaces to this share. Of the term that exceeds it, the heaviest postings are. More frequent terms only add
to the scores of the chunks so found.
"""
MAX_POSTINGS_OF_TERM = 5_000
"""Only this many postings of a term are looked up, the heaviest."""
PRUNE_AFTER = 2_000
MIN_WEIGHT_RATIO = 0.21
"""After this many chunks, postings are pruned whose weight is below this ratio of the query's. Summing them
takes most of the time, and they are hardly ever among the best.
"""
QUERY_NORM = 3
"""The query's weight is this norm of the weights of its terms: that of the heaviest term if it stands alone,
and more if others are as heavy.
"""
SCORED = 350
"""The best candidates by these postings, which are scored by all terms."""
MAX_SCORED_SIZE = 100_000
MIN_SCORE_RATIO = 0.5
"""In namespaces above this size, more are scored, in proportion to its square root, if their sum of postings
is at least this ratio of the best.
"""
NAMESPACE_ID = bindparam("namespace_id", type_=Integer)
DOC_IDS = bindparam("doc_ids", type_=ARRAY(Integer))
# A literal in the SQL that Postgres gets, because it plans by the number of rows.
DEPTH = bindparam("depth", type_=Integer, literal_execute=True)


@functools.cache
def _size() -> CTE:
    count = select(cast(func.coalesce(func.sum(LexicalSegment.chunks), 0), Float).label("chunks"))
    return count.where(LexicalSegment.namespace_id == NAMESPACE_ID).cte("size").prefix_with("MATERIALIZED")


def chunk_count() -> ColumnElement[float]:
    """The number of chunks in the namespace, counted once per statement."""
    return select(_size().c.chunks).scalar_subquery()


def weighted_terms(may_read: ColumnElement[bool]) -> CTE:
    """The terms of the query, with their document frequency in chunks and their weight.

    `reach` is the share of the term's postings that may be looked up, heaviest first; 0 or less if none.
    `least` is the weight that a posting must exceed.
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
    so_far = func.sum(known.c.chunks).over(order_by=(known.c.chunks, known.c.term))
    most = func.greatest(MAX_POSTINGS, MAX_POSTINGS_RATIO * chunks, type_=Float)
    valued = select(
        known.c.term,
        known.c.chunks,
        (known.c.times * idf).label("weight"),
        so_far.label("so_far"),
        func.least(MAX_POSTINGS_OF_TERM, most - so_far + known.c.chunks, type_=Float).label("postings"),
    ).subquery("valued")
    powers = func.sum(
        case((valued.c.chunks > 0, func.power(valued.c.weight, QUERY_NORM, type_=Float)))
    ).over()
    query_weight = func.power(powers, literal(1 / QUERY_NORM, Float), type_=Float)
    least = case(
        (valued.c.so_far > PRUNE_AFTER, MIN_WEIGHT_RATIO * query_weight / valued.c.weight), else_=0.0
    )
    return (
        select(
            valued.c.term,
            valued.c.weight,
            share(valued.c.postings, valued.c.chunks).label("reach"),
            cast(least, REAL).label("least"),
        )
        .cte("weighted")
        .prefix_with("MATERIALIZED")
    )


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
        light = func.width_bucket(weighted.c.least, LexicalPosting.weights)
        beyond = cast(func.floor(LexicalPosting.chunks * (1 - weighted.c.reach)), Integer)
        worth = slice(func.greatest(light, beyond, type_=Integer) + 1, LexicalPosting.chunks)
        # In the select list these are much cheaper than in FROM.
        entry = (
            select(
                func.unnest(LexicalPosting.vectors[worth]).label("id"),
                func.unnest(LexicalPosting.weights[worth]).label("share"),
                cast(weighted.c.weight, REAL).label("weight"),
            )
            .join(weighted, LexicalPosting.term == weighted.c.term)
            .where(LexicalPosting.namespace_id == NAMESPACE_ID, weighted.c.reach > 0)
            .subquery("entry")
        )
        first = _first_look(entry)
    # One scan for all of them, in order of their ids, is faster than a lookup each.
    candidates = func.array(select(first.c.id).scalar_subquery(), type_=ARRAY(BigInteger))
    scored = (
        select(LexicalVector.id, bm25_score(weighted).label("score"))
        .where(LexicalVector.id == any_(candidates))
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


def _first_look(entry: Subquery) -> CTE:
    """The chunks to score by all terms, by the sum of their postings."""
    grown = func.sqrt(chunk_count() / MAX_SCORED_SIZE, type_=Float)
    most = cast(SCORED * func.greatest(1.0, grown, type_=Float), Integer)
    score = func.sum(entry.c.share * entry.c.weight).label("score")
    best = select(entry.c.id, score).group_by(entry.c.id).order_by(score.desc()).limit(most).subquery("best")
    ranked = select(
        best.c.id,
        best.c.score,
        func.row_number().over(order_by=best.c.score.desc()).label("rank"),
        func.max(best.c.score).over().label("highest"),
    ).subquery("ranked")
    enough = or_(ranked.c.rank <= SCORED, ranked.c.score >= MIN_SCORE_RATIO * ranked.c.highest)
    return select(ranked.c.id).where(enough).cte("first_look")


def weights_by_term(weighted: CTE | None) -> ColumnElement[Sequence[float]]:
    """The weights of the query's terms, in the order of their ids; NULL without lexical search."""
    if weighted is None:
        return literal(None, ARRAY(REAL))
    ordered = func.array_agg(aggregate_order_by(cast(weighted.c.weight, REAL), weighted.c.term))
    return select(ordered).scalar_subquery()
