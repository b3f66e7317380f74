"""A server with OpenAI's `/v1/embeddings`, over HTTP, in a thread."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ingest.types import Vector


class EmbeddingServer:
    """Answers with the vectors of `embed`. `replies` are sent first: a status, its headers, and a body."""

    def __init__(self, embed: Callable[[list[str]], Vector]) -> None:
        self.embed = embed
        self.replies: list[tuple[int, dict[str, str], str]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        vectors = self.embed(body["input"])
        items = [
            {"object": "embedding", "index": i, "embedding": row.tolist()} for i, row in enumerate(vectors)
        ]
        # The order is free: the index counts.
        return {"object": "list", "data": items[::-1], "model": body["model"], "usage": {}}


@contextmanager
def embedding_server(embed: Callable[[list[str]], Vector]) -> Iterator[EmbeddingServer]:
    """Serve until the block ends."""
    server = EmbeddingServer(embed)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.requests.append(body)
            server.keys.append(self.headers.get("authorization"))
            if self.path != "/v1/embeddings":
                status, headers, text = 404, {}, "no such path"
            elif server.replies:
                status, headers, text = server.replies.pop(0)
            else:
                status, headers, text = 200, {}, json.dumps(server.answer(body))
            content = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        http.shutdown()
