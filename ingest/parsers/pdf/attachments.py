"""Files attached to a PDF, such as the documents of a portfolio."""

import io

import pypdfium2

from ingest.errors import LimitError, PermanentError
from ingest.parsers import parse_file
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage

_MOST = 1000


def attached_passages(
    document: pypdfium2.PdfDocument, limits: ParserLimits, *, deeper: bool
) -> tuple[list[Passage], list[str], list[str]]:
    """The passages of attached files, and the names of the files that are read and that are not.

    The file's name comes first in each heading. The passages have no pages, which would be those of another
    file. None is read unless `deeper`.

    Raises:
        LimitError: together, they are larger than `limits` allow.
    """
    passages: list[Passage] = []
    read: list[str] = []
    unread: list[str] = []
    for index in range(min(document.count_attachments(), _MOST)):
        attachment = document.get_attachment(index)
        name = " ".join(attachment.get_name().split()) or "without a name"
        try:
            inner = _read(attachment, limits) if deeper else None
        except LimitError:
            raise
        except (PermanentError, pypdfium2.PdfiumError):
            inner = None
        if inner is None:
            unread.append(name)
            continue
        read.append(name)
        passages += [_passage(passage, name) for passage in inner.passages]
        if sum(len(passage.text) for passage in passages) > limits.output_mb * 2**20:
            raise LimitError(
                f"The PDF and its attached files hold more than {limits.output_mb} MB of text, which is the "
                "limit. Ingest the attached files by themselves."
            )
    return passages, read, unread


def _read(attachment: pypdfium2.PdfAttachment, limits: ParserLimits) -> ParsedDocument:
    file = io.BytesIO(bytes(attachment.get_data()))
    return parse_file(file, limits, name=attachment.get_name(), depth=2)


def _passage(passage: Passage, name: str) -> Passage:
    return Passage(text=passage.text, heading=f"{name} > {passage.heading}" if passage.heading else name)
