"""The formats that can be read: one line for each. Loads no reader, since the server imports this."""

from typing import NamedTuple

from ingest.types import DocumentType


class Format(NamedTuple):
    """A format of documents.

    `label` is what people call it. `suffixes` are the endings of its files, the usual one first. `reader` is
    the module whose `read` reads it.
    """

    label: str
    suffixes: tuple[str, ...]
    media_type: str
    reader: str


_OFFICE = "application/vnd.openxmlformats-officedocument"

FORMATS: dict[DocumentType, Format] = {
    "pdf": Format("PDF", ("pdf",), "application/pdf", "ingest.parsers.pdf"),
    "docx": Format(
        "DOCX",
        ("docx", "docm", "dotx", "dotm"),
        f"{_OFFICE}.wordprocessingml.document",
        "ingest.parsers.docx",
    ),
    "pptx": Format(
        "PPTX",
        ("pptx", "pptm", "ppsx", "ppsm", "potx", "potm"),
        f"{_OFFICE}.presentationml.presentation",
        "ingest.parsers.pptx",
    ),
    "xlsx": Format(
        "XLSX", ("xlsx", "xlsm", "xltx", "xltm"), f"{_OFFICE}.spreadsheetml.sheet", "ingest.parsers.xlsx"
    ),
    "odt": Format("ODT", ("odt", "ott"), "application/vnd.oasis.opendocument.text", "ingest.parsers.odt"),
    "rtf": Format("RTF", ("rtf",), "application/rtf", "ingest.parsers.rtf"),
    "html": Format("HTML", ("html", "htm", "xhtml", "mht", "mhtml"), "text/html", "ingest.parsers.html"),
    "eml": Format("EML", ("eml",), "message/rfc822", "ingest.parsers.eml"),
    "md": Format("Markdown", ("md", "markdown"), "text/markdown", "ingest.parsers.markdown"),
    "csv": Format("CSV", ("csv", "tsv", "tab"), "text/csv", "ingest.parsers.csv"),
    "txt": Format("plain text", ("txt", "text", "log"), "text/plain", "ingest.parsers.txt"),
}
"""All formats that can be read."""

_LABELS = [one.label for one in FORMATS.values()]
READABLE = f"{', '.join(_LABELS[:-1])}, and {_LABELS[-1]} files can be read."
"""The sentence that names them."""


def suffix_of(name: str) -> str:
    """The ending of a file's name in lowercase, without the dot; empty if it has none."""
    _, dot, suffix = name.rpartition(".")
    return suffix.strip().lower() if dot else ""


def type_of_suffix(name: str) -> DocumentType | None:
    """The type that a file's name claims."""
    suffix = suffix_of(name)
    return next((kind for kind, one in FORMATS.items() if suffix in one.suffixes), None)
