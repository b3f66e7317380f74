"""More connections than the server may have open files."""

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import service_process

pytestmark = pytest.mark.slow

HALF = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def half_sent(url: str, count: int) -> Iterator[list[socket.socket]]:
    """Requests without the end of their bodies."""
    address = (httpx.URL(url).host, httpx.URL(url).port)
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection(address, timeout=30)))
            opened[-1].sendall(HALF)
        yield opened


def test_half_sent_bodies_keep_nobody_out(tmp_path: Path) -> None:
    with service_process.serving(tmp_path, open_files=1024) as url, half_sent(url, 1150):
        for _ in range(3):
            time.sleep(1.5)  # silent for long enough
            for path in ("/health/live", "/health/ready", "/"):
                assert httpx.get(url + path, timeout=20).status_code == 200
        lines = (tmp_path / "serve.log").read_text().splitlines()
    about = [line for line in lines if "connections are in use" in line]
    assert len(about) == 1, about
    assert not any("Traceback" in line or "Too many open files" in line for line in lines)
    # The access log has a line for each request.
    assert len([line for line in lines if "luma.access" not in line]) < 50


def test_the_file_limit_is_raised() -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 1000))\n"
        "from luma_rag.http.connections import max_connections, raise_file_limit\n"
        "before = max_connections()\n"
        "raise_file_limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), before, max_connections())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(1000, 1000) 32 468\n"
