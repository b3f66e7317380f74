"""Where a search finds its vectors: the live generation of a namespace, in one of two tables. See ADR 34."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import REAL

from luma_rag.access import CallerForm, Principal, readable_namespaces
from luma_rag.db.models import ChunkVector, EmbeddingModel, Generation, GenerationVector, LexicalSegment
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.db.models.generation import MAX_COVERED
from luma_rag.db.session import Reader
from luma_rag.documents.vector_index import GENERATION_INDEX, INLINE_INDEX, is_valid
from luma_rag.retrieval.lexical_statement import NAMESPACE_ID

_GENERATION_ID = bindparam("generation_id", type_=Integer)
# A literal in the SQL that Postgres gets: only that proves that a partial HNSW index applies.
_INDEX_OF = bindparam("index_of", type_=Integer, literal_execute=True)


class Layout(msgspec.Struct, frozen=True):
    """What shapes the statement of a search: the table of the vectors, their length, and their HNSW index."""

    is_inline: bool = True
    dimensions: int = DIMENSIONS
    indexed: bool = False


class VectorSource(msgspec.Struct, frozen=True):
    """The generation that a search reads, and the model of its vectors. An empty namespace has none."""

    generation_id: int | None = None
    model_id: int | None = None
    layout: Layout = Layout()

    @property
    def indexed(self) -> bool:
        """Whether it has an HNSW index."""
        return self.layout.indexed

    def parameters(self, namespace_id: int) -> dict[str, Any]:
        """The parameters of a statement with this layout."""
        found: dict[str, Any] = {} if self.layout.is_inline else {"generation_id": self.generation_id}
        if self.layout.indexed:
            found["index_of"] = namespace_id if self.layout.is_inline else self.generation_id
        return found


INLINE = VectorSource()
"""The vectors that are stored with the rows to search."""


def search_id(layout: Layout) -> ColumnElement[int]:
    """The column with the id of the search row."""
    return (ChunkVector.id if layout.is_inline else GenerationVector.id).expression


def document_id(layout: Layout) -> ColumnElement[int]:
    """The column with the id of the document."""
    return (ChunkVector.doc_id if layout.is_inline else GenerationVector.doc_id).expression


def vector_distance(layout: Layout, *, by_index: bool = False) -> ColumnElement[float]:
    """The distance of a vector from the query; `by_index` in the form that an HNSW index serves."""
    # All vectors have length 1, so the inner product is the cosine, and cheaper. The numbers travel in
    # binary; the text form of a halfvec took as long as the search. The subselect converts them once
    # instead of once per row.
    query = select(cast(bindparam("embedding", type_=ARRAY(REAL)), HALFVEC(layout.dimensions)))
    column: Any = ChunkVector.embedding if layout.is_inline else GenerationVector.embedding
    if by_index and not layout.is_inline:
        column = cast(column, HALFVEC(layout.dimensions))
    found: ColumnElement[float] = column.op("<#>", return_type=Float)(query.scalar_subquery())
    return found


def is_searched(layout: Layout, *, by_index: bool = False) -> list[ColumnElement[bool]]:
    """Conditions: the vector belongs to the generation; with those that its index needs."""
    if layout.is_inline:
        return [ChunkVector.namespace_id == (_INDEX_OF if by_index else NAMESPACE_ID)]
    if by_index:
        return [GenerationVector.generation_id == _INDEX_OF]
    length = func.vector_dims(GenerationVector.embedding, type_=Integer)
    limit = literal_column(str(MAX_COVERED), Integer)
    fits = length <= limit if layout.dimensions <= MAX_COVERED else length > limit
    return [GenerationVector.generation_id == _GENERATION_ID, fits]


def distance_of(layout: Layout, row_id: ColumnElement[int]) -> ColumnElement[float]:
    """The distance of the vector of one search row; NULL if it has none."""
    found = select(vector_distance(layout)).where(search_id(layout) == row_id)
    if not layout.is_inline:
        found = found.where(GenerationVector.generation_id == _GENERATION_ID)
    return found.scalar_subquery()


def is_kept(layout: Layout) -> list[ColumnElement[bool]]:
    """A condition on the namespace of the search: it has the generation. None for inline vectors."""
    if layout.is_inline:
        return []
    return [
        select(Generation.id)
        .where(
            Generation.id == _GENERATION_ID,
            Generation.namespace_id == NAMESPACE_ID,
            Generation.state != "removing",
        )
        .exists()
    ]


async def namespace_profile(
    reader: Reader, principal: Principal, namespace_id: int, generation_id: int | None = None
) -> tuple[list[str], VectorSource]:
    """The languages of a namespace and its live generation, or that with an id.

    There are no languages, and no generation, if the caller may not read the namespace.
    """
    parameters = principal.parameters | {"namespace_id": namespace_id}
    if generation_id is not None:
        parameters["generation_id"] = generation_id
    row = await reader.execute(_profile(principal.form, is_live=generation_id is None), parameters)
    languages, found_id, model_id, is_inline, dimensions, indexed = row.one()
    layout = Layout(is_inline, dimensions, bool(indexed))
    return list(languages), VectorSource(found_id, model_id, layout)


@cache
def _profile(caller: CallerForm, *, is_live: bool) -> Select[Any]:
    readable = readable_namespaces(caller)
    languages: Select[Sequence[str]] = (
        select(func.unnest(LexicalSegment.languages))
        .where(LexicalSegment.namespace_id == NAMESPACE_ID, LexicalSegment.namespace_id.in_(readable))
        .distinct()
    )
    chosen = Generation.state == literal_column("'live'") if is_live else Generation.id == _GENERATION_ID
    found = (
        select(
            Generation.id,
            Generation.model_id,
            Generation.is_inline,
            EmbeddingModel.dimensions,
        )
        .join(EmbeddingModel, EmbeddingModel.id == Generation.model_id)
        .where(Generation.namespace_id == NAMESPACE_ID, Generation.namespace_id.in_(readable), chosen)
        .subquery("found")
    )
    one = select(literal_column("1", Integer).label("one")).subquery("one")
    is_inline = func.coalesce(found.c.is_inline, literal_column("true"))
    index = case(
        (is_inline, func.concat(INLINE_INDEX, NAMESPACE_ID)), else_=func.concat(GENERATION_INDEX, found.c.id)
    )
    return select(
        func.array(languages.scalar_subquery(), type_=ARRAY(Text)),
        found.c.id,
        found.c.model_id,
        is_inline,
        func.coalesce(found.c.dimensions, DIMENSIONS),
        is_valid(index),
    ).select_from(one.outerjoin(found, literal_column("true")))
