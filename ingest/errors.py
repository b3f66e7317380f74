"""Why a document could not be ingested, in words for the person who uploaded it."""


class IngestError(Exception):
    """The message says what is wrong and what to do; it holds no path and no stack trace."""


class PermanentError(IngestError):
    """The file itself is the reason: trying again with the same bytes gives the same result."""


class UnsupportedTypeError(PermanentError):
    """The bytes are neither PDF nor DOCX."""


class EncryptedError(PermanentError):
    """The file needs a password to be opened."""


class NoTextError(PermanentError):
    """The file holds no text that can be read, for instance a scan."""


class LimitError(PermanentError):
    """Reading the file took more memory, time or output than is allowed."""


class TransientError(IngestError):
    """Something around the file failed (a worker died, the disk is full): a retry may succeed."""
