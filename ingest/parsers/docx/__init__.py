"""DOCX text: opened with python-docx, and read from its lxml elements where python-docx has no more.

python-docx has the parts with their relationships, styles, numbering and properties. It has nothing for text
boxes, content controls, notes, tracked changes, equations, fields, charts, SmartArt and documents inside.
"""

from ingest.parsers.docx.document import parse_docx

__all__ = ["parse_docx"]
