"""The process that owns the embedded Postgres; see `luma_rag.db.embedded` for the protocol with its users.

It imports only the standard library and `luma_rag.errors`, to stay small, and is single-threaded.
"""
