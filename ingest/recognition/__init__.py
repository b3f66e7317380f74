"""Text recognition (OCR) of pages that can't be read otherwise, where the extra `ocr` is installed."""

import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Sequence

from ingest.errors import IngestError, NoTextError, OutageError, TransientError
from ingest.sandbox import parse_in_sandbox, recognize_in_sandbox
from ingest.settings import IngestSettings, ParserLimits
from ingest.types import ParsedDocument, RecognizedPage, Source

# A page takes some ten seconds of processor time, on which a busy machine may spend a few minutes.
LIMITS = ParserLimits(memory_mb=1536, seconds=120, elapsed_seconds=1200, output_mb=4)

_log = logging.getLogger(__name__)
# Each takes a core and most of a gigabyte.
_AT_ONCE = threading.Semaphore(max(1, (os.cpu_count() or 1) // 2))


def is_installed() -> bool:
    """Whether the packages of the extra `ocr` are there."""
    return importlib.util.find_spec("rapidocr") is not None


def read_document(
    source: Source, settings: IngestSettings, on_page: Callable[[float], None]
) -> ParsedDocument:
    """Parse `source` in a sandbox, and again with the text of pages that had to be recognized.

    `on_page` is as for `recognize`.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    parsed = parse(source, settings)
    return parsed if isinstance(parsed, ParsedDocument) else recognize(source, parsed, settings, on_page)


def parse(source: Source, settings: IngestSettings) -> ParsedDocument | list[int]:
    """Parse `source` in a sandbox. Returns the document, or the pages to be recognized, if there are any.

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
    return unread[: settings.limits.recognized_pages]


def recognize(
    source: Source, wanted: Sequence[int], settings: IngestSettings, on_page: Callable[[float], None]
) -> ParsedDocument:
    """Recognize the text of pages, and parse `source` together with it.

    `on_page` is told how much of the recognition is done, from 0 to 1. An exception it raises stops the work.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    pages: dict[int, RecognizedPage] = {}
    attempts = list(wanted)
    on_page(0)
    # Grows by the pages that are tried again.
    for done, number in enumerate(attempts, 1):
        try:
            with _AT_ONCE:
                pages[number] = recognize_in_sandbox(source.path, number, LIMITS)
        except OutageError:
            raise
        except IngestError as error:
            # Its process was killed from outside, perhaps for no fault of the page. Killed again for want of
            # memory, it stays unread, and is named as such. The document has other pages.
            if isinstance(error, TransientError) and done <= len(wanted):
                attempts.append(number)
            else:
                _log.warning("The text of page %s was not recognized: %s", number, error)
        # Raises if the work is to stop, which has killed the process of the page.
        on_page(done / len(attempts))
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
