"""Retrieval: the search statement, fusion, deduplication and reranking."""
