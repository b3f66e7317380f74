"""What stands round a hit: the neighbouring chunks of its passage, for whoever reads on."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Text, and_, cast, select
from sqlalchemy.orm import aliased

from luma_rag.access import Principal, readable_namespaces
from luma_rag.db.models import Chunk, ChunkVector
from luma_rag.db.session import Reader


class ContextWindow(msgspec.Struct, frozen=True):
    """The text right before and right after a chunk, in the same passage; "" where there is none.

    A passage is a page of a PDF or a section of a DOCX, so all of it stands at the place that is cited.
    """

    before: str = ""
    after: str = ""


async def context_windows(
    reader: Reader, principal: Principal, namespace_id: int, vec_ids: Sequence[str]
) -> dict[str, ContextWindow]:
    """What stands round these hits, which come best first, by vec_id: one chunk to each side.

    What stands between two hits is given to the first of them, so that nothing is read twice. A hit that is
    not in this namespace, or not the caller's to read, has nothing round it.
    """
    near = aliased(Chunk)
    rows = await reader.execute(
        select(
            cast(ChunkVector.id, Text), Chunk.start_char, Chunk.end_char, near.id, near.start_char, near.text
        )
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .join(
            near,
            and_(
                near.doc_id == Chunk.doc_id,
                near.passage == Chunk.passage,
                near.ordinal.in_([Chunk.ordinal - 1, Chunk.ordinal + 1]),
            ),
        )
        .where(
            ChunkVector.namespace_id == namespace_id,
            ChunkVector.namespace_id.in_(readable_namespaces(principal)),
            ChunkVector.id.in_(map(int, vec_ids)),
        )
    )
    found = dict.fromkeys(vec_ids, ContextWindow())
    given: set[int] = set()
    order = {vec_id: place for place, vec_id in enumerate(vec_ids)}
    for vec_id, start, end, near_id, near_start, text in sorted(rows, key=lambda row: order[row[0]]):
        if near_id in given:
            continue
        given.add(near_id)
        # Neighbours may overlap; else white space stood between them, mostly the end of a line.
        if near_start < start:
            gap = "\n" if near_start + len(text) < start else ""
            found[vec_id] = msgspec.structs.replace(found[vec_id], before=text[: start - near_start] + gap)
        else:
            gap = "\n" if end < near_start else ""
            found[vec_id] = msgspec.structs.replace(
                found[vec_id], after=gap + text[max(end - near_start, 0) :]
            )
    return found
