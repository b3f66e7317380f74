"""An LLM server that says what a test tells it to, when the test lets it."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

HOLD: Final = object()
"""In a script: wait until the test calls `go_on`."""
BREAK: Final = object()
"""In a script: end without the mark of a complete answer."""

Piece = str | object


class ScriptedLLM(ThreadingHTTPServer):
    """Serves OpenAI's streaming chat completions. Each answer is the pieces of `script` at that time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: Sequence[Piece] = ["Yes [1]."]
        self.status = 200
        self.finish_reason = "stop"
        self.prompts: list[str] = []
        self._news = threading.Condition()
        self._held: list[threading.Event] = []

    @property
    def base_url(self) -> str:
        """For `LUMA_LLM_BASE_URL`."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def go_on(self) -> None:
        """Let all answers that hold go on, once there is one."""
        with self._news:
            assert self._news.wait_for(lambda: self._held, timeout=30), "no answer holds"
        self.let_go()

    def let_go(self) -> None:
        """Let all answers that hold go on, if there are any."""
        with self._news:
            while self._held:
                self._held.pop().set()

    def hold(self) -> None:
        """Wait for `go_on`."""
        event = threading.Event()
        with self._news:
            self._held.append(event)
            self._news.notify_all()
        event.wait(120)


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedLLM

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.prompts.append(body["messages"][-1]["content"])
        self.send_response(self.server.status)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if self.server.status != 200:
            return
        # Luma closes the connection when the answer is stopped.
        with suppress(OSError):
            self._answer(list(self.server.script))

    def _answer(self, script: list[Piece]) -> None:
        for piece in script:
            if piece is HOLD:
                self.server.hold()
            elif piece is BREAK:
                return
            else:
                self._event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": self.server.finish_reason}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: object) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Silent: the output belongs to the tests."""


@contextmanager
def scripted_llm() -> Iterator[ScriptedLLM]:
    """A running server."""
    server = ScriptedLLM()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
