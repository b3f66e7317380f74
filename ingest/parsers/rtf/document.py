"""Assembles an RTF: sections under their headings, headers and footers last."""

from typing import BinaryIO

from ingest.parsers.decoding import read_bytes
from ingest.parsers.reading import Reading
from ingest.parsers.rtf.reader import RtfReader
from ingest.parsers.sections import Sections
from ingest.parsers.text import clean, readable
from ingest.types import ParsedDocument, Passage, ReadingWarning


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a text: one passage per section, with the path of its headings.

    Notes follow the block that refers to them. Hidden and deleted text, pictures and comments are left out.

    Raises:
        NoTextError: it has no text.
        LimitError: it is longer than allowed.
    """
    reader = RtfReader()
    reader.read(read_bytes(file, how.limits))
    sections = Sections(split=True)
    for block, notes in reader.blocks:
        sections.add(block, notes)
    sections.close()
    running = dict.fromkeys(line for line in map(clean, reader.running) if readable(line))
    if running:
        sections.passages.append(Passage("\n".join(running)))
    warnings = []
    if reader.comments_left_out:
        text = f"Comments of reviewers that were left out: {reader.comments_left_out}."
        warnings.append(ReadingWarning("comments_left_out", text))
    return sections.document("rtf", title=reader.title, warnings=warnings)
