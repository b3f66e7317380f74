"""Fills the tables of documents, vectors and terms by COPY, in the state that many ingestions and compactions
leave behind.

Ingesting a million chunks one document at a time takes hours. Here numpy creates the rows in Postgres's
binary format, with weights by the formula of `luma_rag.documents.lexical_index` and segments as
`luma_rag.documents.segment_compaction` leaves them. `benchmarks.scale` compares the results with an exact
search, which would reveal wrong rows.
"""

import json
import struct
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import asyncpg
import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector.asyncpg import register_vector

from benchmarks.real_text import DOCUMENT, LANGUAGE, Counts, RealText
from ingest.words import TERM_ID_SPACE
from luma_rag.documents.lexical_index import K1, B

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)
_BATCH = 10_000
_INT2, _INT4, _INT8, _REAL = 21, 23, 20, 700
# A namespace that grew document by document ends with small segments that are not yet merged.
_LARGE, _MIDDLE, _FEW = 40, 7, 5
"""Documents per segment, and the number of smaller segments."""

_OWNER = """
INSERT INTO users (username, email, password, role) VALUES ('owner', 'owner@example.com', '-', 'user')
"""
_THERE = """
SELECT (SELECT min(id) FROM users), (SELECT coalesce(max(id), 0) FROM chunk),
  (SELECT coalesce(max(id), 0) FROM chunk_vector), (SELECT coalesce(max(id), 0) FROM lexical_segment)
"""
_DOCUMENTS = """
INSERT INTO document (id, user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
SELECT n, $3, 'document ' || n, 'file ' || n, jsonb_build_object('sha256', n::text), 'pdf', false, now()
FROM generate_series($1::int, $2::int) n;
"""
_DOCUMENTS_REST = """
INSERT INTO passage (doc_id, ordinal, page, text) SELECT n, 0, 1, '' FROM generate_series({first}, {last}) n;
INSERT INTO lexical_document SELECT n, '{language}' FROM generate_series({first}, {last}) n;
"""
_NAMESPACE_DOCS = """
INSERT INTO namespace_doc (namespace_id, doc_id, vec_id)
SELECT namespace_id, doc_id, array_agg(id::text ORDER BY id) FROM chunk_vector
WHERE namespace_id BETWEEN {first} AND {last} GROUP BY 1, 2;
"""
_SEQUENCES = """
SELECT setval(pg_get_serial_sequence('document', 'id'), (SELECT max(id) FROM document)),
  setval(pg_get_serial_sequence('chunk', 'id'), (SELECT max(id) FROM chunk)),
  setval(pg_get_serial_sequence('namespace', 'id'), (SELECT max(id) FROM namespace)),
  setval(pg_get_serial_sequence('chunk_vector', 'id'), (SELECT max(id) FROM chunk_vector)),
  setval(pg_get_serial_sequence('lexical_segment', 'id'), (SELECT max(id) FROM lexical_segment))
"""
_COLUMNS = {
    "chunk": "id doc_id ordinal passage start_char end_char tokens page heading text embedding",
    "lexical_chunk": "chunk_id terms frequencies length",
    "chunk_vector": "id namespace_id doc_id chunk_id embedding",
    "lexical_segment": "id namespace_id chunks length mean_length languages",
    "lexical_vector": "id weights",
    "lexical_posting": "namespace_id term segment_id chunks vectors weights",
    "lexical_member": "doc_id namespace_id segment_id vectors terms length",
}


class Place(msgspec.Struct, frozen=True):
    """A namespace with the documents of chunks [first, last), with vector ids from `vector`."""

    namespace_id: int
    first: int
    last: int
    vector: int


class Loader:
    """Fills an empty, migrated database with the chunks of a text, and with namespaces over them."""

    def __init__(self, connection: asyncpg.Connection, text: RealText, there: Sequence[int]) -> None:
        self._connection = connection
        self._text = text
        self.owner, self._chunks, self._vectors, self._segments = there
        self.wrote = False

    @classmethod
    async def open(cls, connection: asyncpg.Connection, text: RealText) -> "Loader":
        """Continue with the existing rows."""
        there = await connection.fetchrow(_THERE)
        if there[0] is None:
            await connection.execute(_OWNER)
            there = await connection.fetchrow(_THERE)
        return cls(connection, text, there)

    async def chunks(self, upto: int) -> None:
        """Store the missing chunks up to a number. Each document has 200 chunks."""
        connection = self._connection
        await self._trust()
        first, last = self._chunks // DOCUMENT + 1, upto // DOCUMENT
        await connection.execute(_DOCUMENTS, first, last, self.owner)
        await connection.execute(_DOCUMENTS_REST.format(first=first, last=last, language=LANGUAGE))
        for begin in range(self._chunks, upto, _BATCH):
            end = min(begin + _BATCH, upto)
            vectors = _halfvecs(self._text.vectors(begin, end))
            await self._copy("chunk", map(_chunk, range(begin, end), self._text.texts(begin, end), vectors))
            await self._copy("lexical_chunk", _lexical_chunks(begin, self._text.counts(begin, end)))
            self.wrote = True
        self._chunks = max(upto, self._chunks)

    async def namespaces(self, ranges: Sequence[tuple[int, int]]) -> list[Place]:
        """Create a namespace for each range of stored chunks. Ranges consist of whole documents."""
        connection = self._connection
        await self._trust()
        namespace_ids = [
            await connection.fetchval(
                "INSERT INTO namespace (user_id, name) VALUES ($1, 'namespace ' || gen_random_uuid()) "
                "RETURNING id",
                self.owner,
            )
            for _ in ranges
        ]
        places = []
        for namespace_id, (first, last) in zip(namespace_ids, ranges, strict=True):
            places.append(Place(namespace_id, first, last, self._vectors + 1))
            self._vectors += last - first
        await self._copy("chunk_vector", self._chunk_vectors(places))
        self.wrote = True
        for place in places:
            counts = self._text.counts(place.first, place.last)
            lengths = counts.lengths
            weights = _weights(counts, lengths)
            for begin, end in _segments(place.last - place.first):
                await self._segment(place, begin, end, counts, weights, lengths)
        await connection.execute(_NAMESPACE_DOCS.format(first=namespace_ids[0], last=namespace_ids[-1]))
        await connection.execute(_SEQUENCES)
        return places

    async def finish(self) -> None:
        """Update Postgres's statistics."""
        await self._connection.execute("RESET session_replication_role")
        await self._connection.execute("VACUUM ANALYZE")

    async def _trust(self) -> None:
        # References are correct by construction, and checking each one takes longer than writing the row.
        await self._connection.execute("SET session_replication_role = replica")

    def _chunk_vectors(self, places: Sequence[Place]) -> Iterable[bytes]:
        for place in places:
            for begin in range(place.first, place.last, _BATCH):
                end = min(begin + _BATCH, place.last)
                numbers = np.arange(begin, end)
                yield _fixed(
                    len(numbers),
                    (">i8", place.vector + numbers - place.first),
                    (">i4", place.namespace_id),
                    (">i4", numbers // DOCUMENT + 1),
                    (">i8", numbers + 1),
                    ("V772", _halfvecs(self._text.vectors(begin, end))),
                )

    async def _segment(
        self,
        place: Place,
        begin: int,
        end: int,
        counts: Counts,
        weights: NDArray[np.float32],
        lengths: NDArray[np.int64],
    ) -> None:
        self._segments += 1
        about = place.namespace_id, self._segments
        length = int(lengths[begin:end].sum())
        row = (self._segments, place.namespace_id, end - begin, length, float(lengths.mean()), [LANGUAGE])
        await self._connection.copy_records_to_table("lexical_segment", records=[row])
        start = counts.start[begin : end + 1]
        terms, shares = counts.terms[start[0] : start[-1]], weights[start[0] : start[-1]]
        ids = np.arange(begin, end) + place.vector
        start = start - start[0]
        await self._copy("lexical_vector", _lexical_vectors(ids, start, terms, shares))
        await self._copy("lexical_posting", _postings(about, np.repeat(ids, np.diff(start)), terms, shares))
        members = (
            _member(
                (place.first + begin + at) // DOCUMENT + 1,
                about,
                ids[at : at + DOCUMENT],
                np.unique(terms[start[at] : start[min(at + DOCUMENT, end - begin)]]),
                int(lengths[begin + at : begin + at + DOCUMENT].sum()),
            )
            for at in range(0, end - begin, DOCUMENT)
        )
        await self._copy("lexical_member", members)

    async def _copy(self, table: str, rows: Iterable[bytes]) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield _SIGNATURE
            waiting: list[bytes] = []
            size = 0
            for row in rows:
                waiting.append(row)
                size += len(row)
                if size > 1 << 20:
                    yield b"".join(waiting)
                    waiting, size = [], 0
            yield b"".join((*waiting, _END))

        await self._connection.copy_to_table(
            table, source=pieces(), columns=_COLUMNS[table].split(), format="binary"
        )


async def copy_texts(
    connection: asyncpg.Connection, source: RealText, store: str, name: str, chunks: int
) -> None:
    """Fill the tables of a `langchain-postgres` store, once."""
    await register_vector(connection)
    if store == "PGVector":
        table, columns = "langchain_pg_embedding", "id collection_id embedding document cmetadata"
        collection = await connection.fetchval(
            "SELECT uuid FROM langchain_pg_collection WHERE name = $1", name
        )
        held = await connection.fetchval(
            "SELECT count(*) FROM langchain_pg_embedding WHERE collection_id = $1", collection
        )
    else:
        table, columns = name, "langchain_id embedding content langchain_metadata"
        held = await connection.fetchval(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - of our own making
    if held == chunks:
        return
    for begin in range(0, chunks, _BATCH):
        end = min(begin + _BATCH, chunks)
        rows = zip(source.vectors(begin, end), source.texts(begin, end), range(begin, end), strict=True)
        records = (
            (str(uuid.uuid4()), collection, vector, text, json.dumps({"document": i // DOCUMENT}))
            if store == "PGVector"
            else (uuid.uuid4(), vector, text, json.dumps({"document": i // DOCUMENT}))
            for vector, text, i in rows
        )
        await connection.copy_records_to_table(table, records=records, columns=columns.split())
    await connection.execute("VACUUM ANALYZE")


def _segments(chunks: int) -> Iterable[tuple[int, int]]:
    """The bounds of a namespace's segments: large ones, then those that wait for compaction."""
    begin = 0
    waiting = (_MIDDLE * _FEW + _FEW) * DOCUMENT
    sizes = [_LARGE] * (max(chunks - waiting, 0) // (_LARGE * DOCUMENT)) + [_MIDDLE] * _FEW
    for size in (count * DOCUMENT for count in sizes):
        if begin + size <= chunks:
            yield begin, begin + size
            begin += size
    while begin < chunks:
        yield begin, min(begin + _MIDDLE * DOCUMENT, chunks)
        begin += _MIDDLE * DOCUMENT


def _weights(counts: Counts, lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    mean = np.float32(lengths.mean())
    norm = np.repeat(K1 * (1 - B + B * lengths / mean), np.diff(counts.start))
    return (counts.times / (counts.times + norm)).astype(np.float32)


def _fixed(rows: int, *columns: tuple[Any, Any]) -> bytes:
    """Rows of fixed-size columns, by type and values."""
    fields: list[tuple[str, Any]] = [("columns", ">i2")]
    for i, (kind, _) in enumerate(columns):
        fields += [(f"size{i}", ">i4"), (f"value{i}", kind)]
    result = np.empty(rows, np.dtype(fields))
    result["columns"] = len(columns)
    for i, (_, values) in enumerate(columns):
        result[f"size{i}"] = result.dtype[f"value{i}"].itemsize
        result[f"value{i}"] = values
    return result.tobytes()


def _array(kind: int, size: str, values: NDArray[Any]) -> NDArray[Any]:
    """Postgres arrays, one for each row of `values`."""
    rows, length = values.shape
    item = np.dtype([("size", ">i4"), ("value", size)])
    head = [("dimensions", ">i4"), ("nulls", ">i4"), ("kind", ">i4"), ("length", ">i4"), ("lower", ">i4")]
    result = np.empty(rows, np.dtype([*head, ("items", item, (length,))]))
    for name, value in (("dimensions", 1), ("nulls", 0), ("kind", kind), ("length", length), ("lower", 1)):
        result[name] = value
    result["items"]["size"] = item["value"].itemsize
    result["items"]["value"] = values
    return result


def _halfvecs(vectors: NDArray[np.float32]) -> NDArray[np.void]:
    result = np.empty(
        len(vectors), np.dtype([("size", ">i2"), ("unused", ">i2"), ("values", ">f2", vectors.shape[1])])
    )
    result["size"], result["unused"], result["values"] = vectors.shape[1], 0, vectors
    return result.view(f"V{result.dtype.itemsize}")


def _field(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def _chunk(number: int, text: str, vector: np.void) -> bytes:
    encoded = text.encode()
    return b"".join(
        (
            struct.pack(">hiqii", 11, 8, number + 1, 4, number // DOCUMENT + 1),
            struct.pack(">iiii", 4, number % DOCUMENT, 4, 0),
            struct.pack(">iiiiii", 4, 0, 4, len(text), 4, 200),
            struct.pack(">iiii", 4, 1, 0, len(encoded)),
            encoded,
            _field(vector.tobytes()),
        )
    )


def _lexical_chunks(first: int, counts: Counts) -> Iterable[bytes]:
    for i, length in enumerate(counts.lengths):
        part = slice(counts.start[i], counts.start[i + 1])
        yield b"".join(
            (
                struct.pack(">hiq", 4, 8, first + i + 1),
                _field(_array(_INT4, ">i4", counts.terms[None, part]).tobytes()),
                _field(_array(_INT2, ">i2", counts.times[None, part]).tobytes()),
                struct.pack(">ii", 4, length),
            )
        )


def _lexical_vectors(
    ids: NDArray[np.int64],
    start: NDArray[np.int64],
    terms: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> Iterable[bytes]:
    places, values = (terms - 1).astype(">i4").tobytes(), weights.astype(">f4").tobytes()
    for id_, begin, end in zip(ids.tolist(), start[:-1].tolist(), start[1:].tolist(), strict=True):
        size = end - begin
        yield struct.pack(">hiqiiii", 2, 8, id_, 12 + 8 * size, TERM_ID_SPACE, size, 0)
        yield places[4 * begin : 4 * end]
        yield values[4 * begin : 4 * end]


def _postings(
    about: tuple[int, int],
    ids: NDArray[np.int64],
    terms: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> Iterable[bytes]:
    order = np.lexsort((ids, weights, terms))
    ids, terms, weights = ids[order], terms[order], weights[order]
    begins = np.flatnonzero(np.diff(terms, prepend=-1))
    sizes = np.diff(begins, append=len(terms))
    by_size = np.argsort(sizes, kind="stable")
    edges = np.flatnonzero(np.diff(sizes[by_size], prepend=-1))
    for group in np.split(by_size, edges[1:]):
        size = int(sizes[group[0]])
        at = begins[group]
        entries = at[:, None] + np.arange(size)
        yield _fixed(
            len(group),
            (">i4", about[0]),
            (">i4", terms[at]),
            (">i8", about[1]),
            (">i4", size),
            *(
                (column.dtype, column)
                for column in (_array(_INT8, ">i8", ids[entries]), _array(_REAL, ">f4", weights[entries]))
            ),
        )


def _member(
    doc_id: int, about: tuple[int, int], ids: NDArray[np.int64], terms: NDArray[np.int32], length: int
) -> bytes:
    return b"".join(
        (
            struct.pack(">hiiiiiq", 6, 4, doc_id, 4, about[0], 8, about[1]),
            _field(_array(_INT8, ">i8", ids[None]).tobytes()),
            _field(_array(_INT4, ">i4", terms[None]).tobytes()),
            struct.pack(">ii", 4, length),
        )
    )
