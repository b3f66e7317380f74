"""Bytes in, embedded chunks out: parse, chunk and embed documents. Knows no HTTP, no database, no users."""
