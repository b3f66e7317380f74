"""The process that owns the embedded Postgres: see `luma_rag.db.embedded` for how it and its users get along.

It imports nothing but the standard library and `luma_rag.errors`, to stay small, and runs one thread only.
"""
