"""Text recognition (OCR) of pages that can't be read otherwise, where the extra `ocr` is installed."""

import importlib.util
from collections.abc import Callable

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.sandbox import parse_in_sandbox, recognize_in_sandbox
from ingest.settings import IngestSettings, ParserLimits
from ingest.types import ParsedDocument, RecognizedPage, Source

# A page takes some ten seconds of processor time, on which a busy machine may spend a few minutes.
LIMITS = ParserLimits(memory_mb=1536, seconds=120, elapsed_seconds=1200, output_mb=4)


def is_installed() -> bool:
    """Whether the packages of the extra `ocr` are there."""
    return importlib.util.find_spec("rapidocr") is not None


def read_document(
    source: Source, settings: IngestSettings, on_page: Callable[[float], None]
) -> ParsedDocument:
    """Parse `source` in a sandbox, and again with the text of pages that had to be recognized.

    `on_page` is told how much of the recognition is done, from 0 to 1.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    try:
        document = _parsed(source, settings)
        unread = document.unread
    except NoTextError as error:
        if not error.unread or not _is_wanted(settings):
            raise
        unread = error.unread
    else:
        if not unread or not _is_wanted(settings):
            return document
    pages: dict[int, RecognizedPage] = {}
    wanted = unread[: settings.limits.recognized_pages]
    for done, number in enumerate(wanted):
        on_page(done / len(wanted))
        try:
            pages[number] = recognize_in_sandbox(source.path, number, LIMITS)
        except (LimitError, PermanentError):
            # This page stays unread, and is named as such.
            continue
    return _parsed(source, settings, pages)


def _parsed(
    source: Source, settings: IngestSettings, recognized: dict[int, RecognizedPage] | None = None
) -> ParsedDocument:
    return parse_in_sandbox(
        source.path,
        settings.limits,
        comments=settings.comments,
        kind=source.type,
        recognized=recognized,
    )


def _is_wanted(settings: IngestSettings) -> bool:
    return settings.ocr and is_installed()
