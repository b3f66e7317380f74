"""The context window of a hit: the neighboring chunks of its passage."""

from collections.abc import Sequence
from functools import cache

import msgspec
from sqlalchemy import ARRAY, BigInteger, Integer, Select, Text, and_, any_, bindparam, cast, select
from sqlalchemy.orm import aliased

from luma_rag.access import CallerForm, Principal, readable_namespaces
from luma_rag.db.models import Chunk, ChunkVector
from luma_rag.db.session import Reader


class ContextWindow(msgspec.Struct, frozen=True):
    """The text directly before and after a chunk in its passage; "" where there is none.

    A passage is a page of a PDF, a slide, or a section, so the window never leaves the cited place.
    """

    before: str = ""
    after: str = ""


async def context_windows(
    reader: Reader, principal: Principal, namespace_id: int, vec_ids: Sequence[str]
) -> dict[str, ContextWindow]:
    """The context windows of hits, ordered best first, by vec_id: one chunk on each side.

    A chunk between two hits goes to the better one, so that nothing is read twice. A hit outside the
    namespace, or unreadable for the caller, gets an empty window.
    """
    rows = await reader.execute(
        _neighbors(principal.form),
        principal.parameters | {"namespace_id": namespace_id, "vec_ids": [int(vec_id) for vec_id in vec_ids]},
    )
    found = dict.fromkeys(vec_ids, ContextWindow())
    given: set[int] = set()
    order = {vec_id: place for place, vec_id in enumerate(vec_ids)}
    for vec_id, start, end, near_id, near_start, text in sorted(rows, key=lambda row: order[row[0]]):
        if near_id in given:
            continue
        given.add(near_id)
        # Chunks may overlap. Otherwise white space separated them, usually the end of a line.
        if near_start < start:
            gap = "\n" if near_start + len(text) < start else ""
            found[vec_id] = msgspec.structs.replace(found[vec_id], before=text[: start - near_start] + gap)
        else:
            gap = "\n" if end < near_start else ""
            found[vec_id] = msgspec.structs.replace(
                found[vec_id], after=gap + text[max(end - near_start, 0) :]
            )
    return found


@cache
def _neighbors(caller: CallerForm) -> Select[str, int, int, int, int, str]:
    near = aliased(Chunk)
    return (
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
            ChunkVector.namespace_id == bindparam("namespace_id", type_=Integer),
            ChunkVector.namespace_id.in_(readable_namespaces(caller)),
            ChunkVector.id == any_(bindparam("vec_ids", type_=ARRAY(BigInteger))),
        )
    )
