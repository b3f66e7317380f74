"""Text of DOCX files, read from their XML with lxml.

Not with python-docx: it leaves out text boxes, content controls, notes, insertions and equations, and does
not open Strict Open XML, macro-enabled files, or files with a dangling relationship.
"""

from ingest.parsers.docx.document import parse_docx

__all__ = ["parse_docx"]
