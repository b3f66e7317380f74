"""Mails with their attachments (RFC 5322 and MIME), taken apart by the standard library."""

from ingest.parsers.eml.mail import read

__all__ = ["read"]
