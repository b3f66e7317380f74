"""Rich Text Format (version 1.9.1), read by a reader of Luma's own."""

from ingest.parsers.rtf.document import read

__all__ = ["read"]
