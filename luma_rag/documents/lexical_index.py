"""The lexical index: the terms of each document, and their BM25 weights in each namespace.

Weights are those of BM25 in Lucene's form, without the factor common to all chunks with a term: tf / (tf + K1
* (1 - B + B * length / mean length)). The mean length is the namespace's at indexing time.
`luma_rag.documents.segment_compaction` reindexes a segment when the mean has drifted.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, bindparam, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.words import TERM_ID_SPACE, detect_language, term_id, words
from luma_rag.db.models import Chunk, LexicalChunk, LexicalDocument, LexicalMember

K1, B = 1.2, 0.75

_SEGMENT = """
WITH coming AS (
  SELECT count(*) AS chunks, coalesce(sum(c.length), 0) AS length
  FROM chunk_vector v JOIN lexical_chunk c ON c.chunk_id = v.chunk_id
  WHERE v.namespace_id = :namespace_id AND v.doc_id = ANY (:doc_ids)
), held AS (
  SELECT coalesce(sum(chunks), 0) AS chunks, coalesce(sum(length), 0) AS length
  FROM lexical_segment WHERE namespace_id = :namespace_id AND id <> ALL (:replaced)
)
INSERT INTO lexical_segment (namespace_id, chunks, length, mean_length, languages)
SELECT CAST(:namespace_id AS integer), coming.chunks, coming.length,
  greatest((coming.length + held.length)::real / (coming.chunks + held.chunks), 1),
  (SELECT coalesce(array_agg(DISTINCT language), '{}') FROM lexical_document WHERE doc_id = ANY (:doc_ids))
FROM coming, held
WHERE coming.chunks > 0
RETURNING id
"""
_WEIGHT = f"(u.frequency / (u.frequency + {K1} * ({1 - B} + {B} * c.length / s.mean_length)))::real"
_WEIGHTED = """
FROM lexical_segment s
JOIN chunk_vector v ON v.namespace_id = s.namespace_id AND v.doc_id = ANY (:doc_ids)
JOIN lexical_chunk c ON c.chunk_id = v.chunk_id
"""
# Nothing computed here is joined. Postgres has no statistics on rows this new and would choose a nested loop,
# which took minutes for a document of 5,000 chunks.
_VECTORS = f"""
INSERT INTO lexical_vector (id, weights)
SELECT v.id, concat('{{', (
  SELECT string_agg(concat(u.term, ':', {_WEIGHT}), ',')
  FROM unnest(c.terms, c.frequencies) AS u (term, frequency)
), '}}/{TERM_ID_SPACE}')::sparsevec
{_WEIGHTED} WHERE s.id = :segment_id
ON CONFLICT (id) DO UPDATE SET weights = excluded.weights
"""  # noqa: S608 - of constants only
_POSTINGS = f"""
INSERT INTO lexical_posting (namespace_id, term, segment_id, chunks, vectors, weights)
SELECT w.namespace_id, w.term, w.segment_id, count(*), array_agg(w.id), array_agg(w.weight)
FROM (
  SELECT s.namespace_id, s.id AS segment_id, v.id, u.term, {_WEIGHT} AS weight
  {_WEIGHTED} CROSS JOIN unnest(c.terms, c.frequencies) AS u (term, frequency)
  WHERE s.id = :segment_id ORDER BY u.term, weight, v.id
) w GROUP BY w.namespace_id, w.term, w.segment_id
"""  # noqa: S608 - of constants only
_MEMBERS = """
INSERT INTO lexical_member (doc_id, namespace_id, segment_id, vectors, terms, length)
SELECT v.doc_id, CAST(:namespace_id AS integer), :segment_id, array_agg(v.id ORDER BY v.id),
  ARRAY(SELECT DISTINCT u.term FROM chunk_vector o
        JOIN lexical_chunk k ON k.chunk_id = o.chunk_id CROSS JOIN unnest(k.terms) AS u (term)
        WHERE o.namespace_id = :namespace_id AND o.doc_id = v.doc_id),
  sum(c.length)
FROM chunk_vector v JOIN lexical_chunk c ON c.chunk_id = v.chunk_id
WHERE v.namespace_id = :namespace_id AND v.doc_id = ANY (:doc_ids)
GROUP BY v.doc_id
ON CONFLICT (doc_id, namespace_id) DO UPDATE SET segment_id = excluded.segment_id
"""


class Terms(msgspec.Struct, frozen=True):
    """The terms of a document: its language, and per chunk, in order, the frequency of each term id."""

    language: str
    chunks: list[Counter[int]]


def analyze(texts: Sequence[str]) -> Terms:
    """Tokenize and stem the texts of a document's chunks, headings included. Takes about a millisecond per
    chunk.
    """
    language = detect_language(texts)
    return Terms(language, [Counter(map(term_id, words(each, language))) for each in texts])


async def store(session: AsyncSession, doc_id: int, found: Terms) -> None:
    """Store the terms of a document whose chunks are stored."""
    ids = await session.scalars(select(Chunk.id).where(Chunk.doc_id == doc_id).order_by(Chunk.ordinal))
    rows = [
        {
            "chunk_id": chunk_id,
            "terms": sorted(counted),
            # Higher frequencies hardly change the weight, and this fits a smallint.
            "frequencies": [min(counted[term], 10_000) for term in sorted(counted)],
            "length": counted.total(),
        }
        for chunk_id, counted in zip(ids, found.chunks, strict=True)
    ]
    await session.execute(insert(LexicalChunk), rows)
    await session.execute(insert(LexicalDocument), {"doc_id": doc_id, "language": found.language})


async def index(
    session: AsyncSession, namespace_id: int, doc_ids: Sequence[int], replaced: Sequence[int] = ()
) -> None:
    """Create a segment from documents in the namespace whose terms are stored.

    `replaced` are the segments they were in. The caller deletes these afterwards.
    """
    about = {"namespace_id": namespace_id, "doc_ids": list(doc_ids)}
    segment_id = await session.scalar(text(_SEGMENT), about | {"replaced": list(replaced)})
    if segment_id is None:
        return
    about["segment_id"] = segment_id
    for statement in (_VECTORS, _POSTINGS, _MEMBERS):
        # A segment id may exceed the 32-bit integer that an untyped number is sent as.
        prepared = text(statement).bindparams(bindparam("segment_id", type_=BigInteger))
        await session.execute(prepared, {name: about[name] for name in prepared.compile().params})


async def remove(session: AsyncSession, namespace_id: int, doc_id: int) -> None:
    """Remove a document from the lexical index of a namespace."""
    await session.execute(
        delete(LexicalMember).where(
            LexicalMember.namespace_id == namespace_id, LexicalMember.doc_id == doc_id
        )
    )
