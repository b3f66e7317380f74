"""The process that owns the embedded Postgres; `luma_rag.db.embedded` describes how it works with its users.

It imports only the standard library, psutil and `luma_rag.errors`, to stay small, and runs one thread.
"""
