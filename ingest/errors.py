"""Errors of ingestion, for the user who uploaded the document.

As in `luma_rag.errors`, the first paragraph of a docstring says what the error means, the second what to do.
"""

from collections.abc import Sequence
from typing import ClassVar


class IngestError(Exception):
    """The document could not be ingested.

    Follow the advice in the message.
    """

    # The message contains no path and no stack trace.
    code: ClassVar[str] = "ingestion_failed"
    title: ClassVar[str] = "Ingestion failed"


class PermanentError(IngestError):
    """The file is damaged.

    Upload an intact copy. Retrying with the same file gives the same result.
    """

    code = "damaged_file"
    title = "Damaged file"


class UnsupportedTypeError(PermanentError):
    """The file is of a type that Luma doesn't read, such as an archive, a picture, or an old Office document.

    Convert the file to PDF or DOCX.
    """

    code = "unsupported_file"
    title = "Unsupported file"


class EncryptedError(PermanentError):
    """The file is protected by a password.

    Remove the password and upload the file again.
    """

    code = "encrypted_file"
    title = "Encrypted file"


class NoTextError(PermanentError):
    """The file contains no extractable text, as in a scan.

    Install text recognition with `pip install 'luma-rag[ocr]'` and retry, or run the file through other text
    recognition (OCR) and upload the result.
    """

    code = "no_text"
    title = "No text"

    def __init__(self, message: str, unread: Sequence[int] = ()) -> None:
        """`unread` are the pages that may have text to be recognized."""
        super().__init__(message)
        self.unread = list(unread)


class LimitError(PermanentError):
    """Parsing the file exceeded the limits on memory, time or output.

    Split the file into smaller ones.
    """

    code = "limit_exceeded"
    title = "Limit exceeded"


class TransientError(IngestError):
    """Ingestion was interrupted, for example because the disk is full or a worker died.

    Retry the ingestion.
    """

    code = "ingestion_interrupted"
    title = "Ingestion interrupted"


class OutageError(TransientError):
    """The database, the disk or the machine was not able to take the document.

    Nothing is wrong with the document. It is tried again automatically, after a while.
    """

    code = "ingestion_deferred"
    title = "Ingestion deferred"


class RecognitionBusyError(OutageError):
    """Text recognition was busy with other documents.

    Nothing is wrong with the document. It is read as soon as there is room.
    """

    code = "recognition_busy"
    title = "Recognition busy"
