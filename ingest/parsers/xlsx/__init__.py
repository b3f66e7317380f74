"""Excel workbooks, read by openpyxl. Each sheet is a section."""

from ingest.parsers.xlsx.workbook import read

__all__ = ["read"]
