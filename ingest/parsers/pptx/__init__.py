"""PowerPoint presentations, read from their XML. Each slide is a page."""

from ingest.parsers.pptx.presentation import read

__all__ = ["read"]
