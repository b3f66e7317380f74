"""Ingestion errors, with messages for the person who uploaded the document."""


class IngestError(Exception):
    """The base class. The message says what is wrong and what to do, without paths or stack traces."""


class PermanentError(IngestError):
    """The file itself is the cause: a retry with the same bytes fails again."""


class UnsupportedTypeError(PermanentError):
    """The bytes are neither PDF nor DOCX."""


class EncryptedError(PermanentError):
    """The file needs a password."""


class NoTextError(PermanentError):
    """The file has no extractable text, such as a scan."""


class LimitError(PermanentError):
    """Parsing exceeded a limit on memory, time or output."""


class TransientError(IngestError):
    """Something outside the file failed, such as a worker or a full disk: a retry may succeed."""
