"""Headings that are made by bold and size, in documents whose author used no heading styles."""

from collections import Counter
from collections.abc import Sequence

from lxml import etree

from ingest.parsers.blocks import TITLE_LEVEL, Block
from ingest.parsers.docx.names import w
from ingest.parsers.docx.styles import Styles

_LONGEST = 120
_DEEPEST = 4
# More of them than that share of the paragraphs are no headings but emphasis.
_LARGEST_SHARE = 0.6
_RUN, _RUN_PROPERTIES, _TEXT = w("r"), w("rPr"), w("t")
_NOT_AT_THE_END = (".", ",", ";", ":", "!", "|")

_Rank = tuple[int, bool]
"""Size and whether it is bold: the larger, the higher the heading."""


def with_headings(blocks: Sequence[Block], styles: Styles) -> Sequence[Block]:
    """`blocks` with levels for short lines that are larger or bolder than the text, if no style gives any."""
    if any(block.level not in (None, TITLE_LEVEL) for block in blocks):
        return blocks
    ranks = [_rank(block, styles) for block in blocks]
    sizes: Counter[_Rank] = Counter()
    for block, rank in zip(blocks, ranks, strict=True):
        if rank is not None:
            sizes[rank] += len(block.text)
    if not sizes:
        return blocks
    body = max(sizes, key=lambda rank: sizes[rank])
    candidates = {
        at: rank
        for at, (block, rank) in enumerate(zip(blocks, ranks, strict=True))
        if rank is not None and _stands_out(rank, body) and _may_be_heading(block)
    }
    if len(candidates) > _LARGEST_SHARE * len(ranks):
        return blocks
    levels = {rank: level for level, rank in enumerate(sorted(set(candidates.values()), reverse=True), 1)}
    return [
        block._replace(level=min(levels[candidates[at]], _DEEPEST)) if at in candidates else block
        for at, block in enumerate(blocks)
    ]


def _rank(block: Block, styles: Styles) -> _Rank | None:
    """The smallest size of a paragraph, and whether all of it is bold; None for other blocks.

    The first run is enough to tell what text looks like that is no heading anyway.
    """
    if block.paragraph is None:
        return None
    style = styles.style_of(block.paragraph)
    looks = []
    for run in block.paragraph.iter(_RUN):
        if _has_text(run) and not (look := styles.look(style, run.find(_RUN_PROPERTIES))).hidden:
            looks.append(look)
            if not _may_be_heading(block):
                break
    if not looks:
        return None
    return min(look.size for look in looks), all(look.bold for look in looks)


def _has_text(run: etree._Element) -> bool:
    return any(text.text and not text.text.isspace() for text in run.iterchildren(_TEXT))


def _stands_out(rank: _Rank, body: _Rank) -> bool:
    (size, is_bold), (body_size, body_is_bold) = rank, body
    return size > body_size * 1.15 or (is_bold and not body_is_bold and size >= body_size)


def _may_be_heading(block: Block) -> bool:
    text = block.text
    return (
        block.level is None
        and len(text) <= _LONGEST
        and "\n" not in text
        and "\t" not in text
        and sum(map(str.isalpha, text)) > 1
        and not text.startswith(("-", " ", "[", "~~"))
        and not text.endswith(_NOT_AT_THE_END)
    )
