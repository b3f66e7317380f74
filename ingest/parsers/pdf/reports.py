"""Says what of a PDF was not read, as warnings or, if nothing was, as an error."""

from ingest.errors import NoTextError, PermanentError
from ingest.parsers.pdf.reading import ReadPage
from ingest.parsers.text import readable
from ingest.types import ReadingWarning

_MOST_PAGES = 1000
_SHOWN = 12
_RECOGNIZE = (
    "Luma recognizes such text where its extra for text recognition (OCR) is installed: `pip install "
    "'luma-rag[ocr]'`. Or run the file through OCRmyPDF, for instance, and use the result."
)
_SCAN_AGAIN = (
    "Text recognition (OCR) could not read it, or reached a limit. Scan it again, straight and at 300 dpi, "
    "or split the file."
)
DAMAGED = (
    "The PDF is damaged and could not be read. If a PDF reader still opens it, print or save it as a new PDF "
    "from there and use that."
)


def warnings_of(
    pages: list[ReadPage],
    texts: list[str | None],
    *,
    found: bool,
    tried: bool,
    more: list[ReadingWarning],
) -> tuple[list[ReadingWarning], list[int]]:
    """What is missing of the pages with these texts, `more` about the whole file, and the pages that may have
    text to be recognized; `tried` if that was done already.

    Raises:
        NoTextError: the file has no text that can be read: not `found`.
        PermanentError: none of its pages can be loaded.
    """
    total = len(texts)
    failed = [number for number, text in enumerate(texts, 1) if text is None]
    pictures = [number for number, page in enumerate(pages, 1) if page.is_picture]
    garbled = [number for number, page in enumerate(pages, 1) if page.is_garbled]
    moved = [number for number, page in enumerate(pages, 1) if page.is_moved]
    named = {*failed, *pictures, *garbled}
    empty = [
        number
        for number, text in enumerate(texts, 1)
        if text is not None and not readable(text) and number not in named
    ]
    drawn = [number for number in empty if not pages[number - 1].is_blank]
    unread = sorted({*pictures, *garbled, *moved, *drawn})
    advice = _SCAN_AGAIN if tried else _RECOGNIZE
    if not found:
        _fail(total, failed, garbled, unread, advice)
    reasons = [
        ("page_failed", failed, "No text could be read on {}."),
        ("page_is_picture", pictures, f"Text in a picture was not read on {{}}. {advice}"),
        (
            "unknown_characters",
            garbled,
            f"Text whose fonts don't tell its characters was left out on {{}}. {advice}",
        ),
        (
            "no_language",
            moved,
            f"The letters make no words on {{}}, because fonts of the PDF name wrong characters. {advice}",
        ),
        (
            "recognized",
            [number for number, page in enumerate(pages, 1) if page.is_recognized],
            "Text was recognized in a picture and may have errors on {}.",
        ),
        ("page_without_text", empty, "There is no text on {}."),
        (
            "notes_left_out",
            [number for number, page in enumerate(pages, 1) if page.notes],
            "Notes in the margin were left out on {}.",
        ),
    ]
    warnings = [_warning(code, numbers, total, text) for code, numbers, text in reasons if numbers]
    return warnings + more, unread


def _fail(total: int, failed: list[int], garbled: list[int], unread: list[int], advice: str) -> None:
    if len(failed) == total:
        raise PermanentError(DAMAGED)
    where = "its only page" if total == 1 else f"any of its {total} pages"
    if garbled:
        raise NoTextError(
            f"No text can be read on {where}, because the fonts of the PDF don't tell which characters it "
            f"shows. {advice}",
            unread,
        )
    if not unread:
        raise NoTextError(
            f"No text was found on {where}, and nothing that may be a picture of text. If a PDF reader shows "
            "some, print it to a new PDF and use that."
        )
    raise NoTextError(f"No text was found on {where}. The PDF is probably a scan. {advice}", unread)


def attached_files(read: list[str], unread: list[str]) -> list[ReadingWarning]:
    """Which files are attached to the PDF."""
    found = []
    if read:
        found.append(
            ReadingWarning("attachments_read", f"Attached files were read as parts of it: {_names(read)}.")
        )
    if unread:
        found.append(
            ReadingWarning(
                "attachments_unread",
                f"Attached files were not read: {_names(unread)}. Save them from the PDF and ingest them by "
                "themselves.",
            )
        )
    return found


def dynamic_form(data: str) -> ReadingWarning:
    """Says that only the data of a dynamic form was read, or not even that."""
    if data:
        return ReadingWarning(
            "dynamic_form",
            "This is a dynamic XFA form. What is filled in was read, but not how it is laid out. Print it to "
            "a new PDF to keep both.",
        )
    return ReadingWarning(
        "dynamic_form",
        "This is an XFA form: what is filled in may be missing. Print it to a new PDF to keep it.",
    )


def _warning(code: str, numbers: list[int], total: int, text: str) -> ReadingWarning:
    return ReadingWarning(code, text.format(_places(numbers, total)), numbers[:_MOST_PAGES])


def _places(numbers: list[int], total: int) -> str:
    if total == 1:
        return "its only page"
    if len(numbers) == 1:
        return f"page {numbers[0]} of {total}"
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    if len(numbers) > _SHOWN:
        shown += f" and {len(numbers) - _SHOWN} more"
    return f"{len(numbers)} of {total} pages ({shown})"


def _names(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
