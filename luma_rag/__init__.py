"""Luma answers questions from people's own documents, with citations that open at the right page."""

__version__ = "0.2.0"
