"""Consistency checks of the store."""

from luma_rag.verify.verification import UPLOAD_SECONDS, Finding, Verdict, verify

__all__ = ["UPLOAD_SECONDS", "Finding", "Verdict", "verify"]
