"""DOCX text, read from the XML with lxml.

python-docx is not used: it omits text boxes, content controls, notes, insertions and equations, and can't
open Strict Open XML, macro-enabled files, or files with a dangling relationship.
"""

from ingest.parsers.docx.document import parse_docx

__all__ = ["parse_docx"]
