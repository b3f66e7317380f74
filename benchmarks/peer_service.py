"""A search service on `langchain-postgres`, built as its documentation suggests, for comparison.

    PYTHON peer_service.py --url URL --model DIR --store PGVectorStore --name NAME [--hnsw] [--port N]

It runs in a separate environment and imports nothing from this project. Without `--port` it creates its
tables, or with `--hnsw` its index, and exits. `benchmarks.service` fills the tables.
"""

import argparse
import contextlib
from typing import Any

import uvicorn
from fastapi import FastAPI
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.indexes import HNSWIndex
from pydantic import BaseModel
from sqlalchemy.exc import ProgrammingError

DIMENSIONS = 384


class Query(BaseModel):
    """A question."""

    query: str
    k: int = 10


def open_store(arguments: argparse.Namespace) -> Any:
    """The store with its tables."""
    embeddings = HuggingFaceEmbeddings(
        model_name=arguments.model, encode_kwargs={"normalize_embeddings": True}
    )
    url = arguments.url.replace("postgresql://", "postgresql+psycopg://", 1)
    if arguments.store == "PGVector":
        return PGVector(embeddings=embeddings, connection=url, collection_name=arguments.name)
    engine = PGEngine.from_connection_string(url)
    with contextlib.suppress(ProgrammingError):  # The table exists.
        engine.init_vectorstore_table(arguments.name, DIMENSIONS)
    return PGVectorStore.create_sync(engine, embedding_service=embeddings, table_name=arguments.name)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--store", choices=("PGVectorStore", "PGVector"), required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--hnsw", action="store_true")
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    store = open_store(arguments)
    if arguments.hnsw:
        store.apply_vector_index(HNSWIndex())
    elif arguments.port is None and arguments.store == "PGVectorStore":
        # The index of an earlier run.
        store.drop_vector_index()
    app = FastAPI()

    @app.post("/search")
    def search(data: Query) -> list[dict[str, Any]]:
        return [
            {"text": document.page_content, "metadata": document.metadata, "score": float(score)}
            for document, score in store.similarity_search_with_score(data.query, k=data.k)
        ]

    if arguments.port is not None:
        uvicorn.run(app, port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
