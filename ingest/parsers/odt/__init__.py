"""OpenDocument texts (ISO/IEC 26300), read from their XML."""

from ingest.parsers.odt.document import read

__all__ = ["read"]
