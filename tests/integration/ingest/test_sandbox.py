import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any

import docx
import psutil
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest import sandbox
from ingest.errors import (
    IngestError,
    LimitError,
    NoTextError,
    PermanentError,
    TransientError,
    UnsupportedTypeError,
)
from ingest.launcher import Answer, ExitStatus
from ingest.parsers import parse
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ParserLimits
from tests.processes import is_alive, kill

LIMITS = ParserLimits()
PATIENT = ParserLimits(memory_mb=4096, seconds=60)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.docx"
    document = docx.Document()
    document.add_heading("Head", 1)
    document.add_paragraph("Body \u4eba")
    document.save(str(path))
    return path


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file that takes a minute to read: three million empty paragraphs."""
    path = tmp_path_factory.mktemp("slow") / "slow.docx"
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        xml = f'<w:document xmlns:w="{space}"><w:body>{"<w:p/>" * 3_000_000}</w:body></w:document>'
        archive.writestr("word/document.xml", xml)
    return path


@pytest.fixture
def greedy(tmp_path: Path) -> Path:
    """A PDF of about 400 kB with a page that decompresses to 400 MB."""
    path = tmp_path / "greedy.pdf"
    content = zlib.compress(b"(x) Tj " * 60_000_000, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (at, text) for at, text in enumerate(objects, 1))
    path.write_bytes(b"%PDF-1.4\n" + body + b"trailer\n<< /Root 1 0 R >>\n%%EOF\n")
    return path


def children() -> list[psutil.Process]:
    """The processes that are parsing a file."""
    launcher = sandbox._launcher._process
    return psutil.Process(launcher.pid).children() if launcher is not None and launcher.poll() is None else []


def limit(process: psutil.Process, name: str) -> float:
    """The soft limit. psutil may read only those of the own user."""
    (line,) = (
        line for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines() if line.startswith(name)
    )
    return float(line.removeprefix(name).split()[0].replace("unlimited", "inf"))


def wait_for(get: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (value := get()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


@pytest.fixture
def reading(slow: Path) -> Iterator[tuple[psutil.Process, Future[object]]]:
    """A child in the middle of parsing, and the future of the call."""
    with ThreadPoolExecutor(1) as thread:
        future: Future[object] = thread.submit(parse_in_sandbox, slow, PATIENT)
        (child,) = wait_for(children)

        wait_for(lambda: limit(child, "Max file size") == 0)
        yield child, future
        kill([child])


def test_sandbox_returns_the_same_document(small: Path) -> None:
    assert parse_in_sandbox(small, LIMITS) == parse(small, LIMITS)


def test_errors_are_preserved(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"GIF89a")
    with pytest.raises(UnsupportedTypeError, match="GIF"):
        parse_in_sandbox(path, LIMITS)
    canvas = Canvas(str(path))
    canvas.rect(10, 10, 50, 50)
    canvas.save()
    with pytest.raises(NoTextError, match="scan"):
        parse_in_sandbox(path, LIMITS)


def test_missing_file_is_a_transient_error(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="No such file") as caught:
        parse_in_sandbox(tmp_path / "gone", LIMITS)
    assert str(tmp_path) not in str(caught.value)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(TransientError, match="Not a regular file"):
            parse_in_sandbox(path, LIMITS)


def test_file_names_need_not_be_valid_utf8(small: Path) -> None:
    odd = small.rename(small.parent / "a\udcff \u4eba.docx")
    assert parse_in_sandbox(odd, LIMITS).passages


def test_unknown_error_does_not_expose_internals(caplog: pytest.LogCaptureFixture) -> None:
    error = sandbox._error(Answer(error="KeyError", trace="Traceback: /secret/path"))
    assert type(error) is PermanentError
    assert "damaged" in str(error)
    assert "/secret" not in str(error)
    assert "/secret/path" in caplog.text


@pytest.mark.parametrize("name", ["annotations", "PermanentError.__init__", "Exception", "Path", "os"])
def test_child_can_not_choose_arbitrary_error_classes(name: str) -> None:
    assert type(sandbox._error(Answer(error=name, message="x"))) is PermanentError


def test_time_limit(slow: Path) -> None:
    with pytest.raises(LimitError, match=r"more than 1 seconds of processor time and was stopped\. Split"):
        parse_in_sandbox(slow, ParserLimits(seconds=1))
    assert children() == []


def test_time_limit_holds_if_its_signal_is_ignored() -> None:
    killed = ExitStatus(status=0, signal=signal.SIGKILL, memory_mb=50, seconds=3)
    assert type(sandbox._killed(killed, ParserLimits(seconds=2))) is LimitError
    assert type(sandbox._killed(killed, ParserLimits(seconds=4))) is TransientError


def test_elapsed_time_has_a_limit_of_its_own(slow: Path) -> None:
    # Stopped before it has used its processor time, as on a busy machine.
    limits = ParserLimits(memory_mb=4096, seconds=1, elapsed_seconds=3)
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(parse_in_sandbox, slow, limits)
        (child,) = wait_for(children)
        child.suspend()
        with pytest.raises(FutureTimeoutError):
            future.result(timeout=1.5)
        with pytest.raises(LimitError, match=r"more than 3 seconds and was stopped\. Split"):
            future.result()
    assert children() == []


def test_memory_limit(slow: Path, greedy: Path) -> None:
    # The first runs out of memory in Python or lxml, the second in pdfium.
    with pytest.raises(LimitError, match="memory"):
        parse_in_sandbox(slow, ParserLimits(memory_mb=192))
    with pytest.raises(PermanentError):
        parse_in_sandbox(greedy, ParserLimits(memory_mb=64))


def test_output_limit(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    canvas = Canvas(str(path))
    for _ in range(20):
        canvas.setFont("Helvetica", 0.5)  # text outside the page is not extracted
        for line in range(60):
            canvas.drawString(10, 10 + 13 * line, "word " * 200)
        canvas.showPage()
    canvas.save()
    with pytest.raises(LimitError, match="1 MB of text"):
        parse_in_sandbox(path, ParserLimits(output_mb=1))


def test_child_is_restricted(reading: tuple[psutil.Process, Future[object]]) -> None:
    child, _ = reading
    assert limit(child, "Max core file size") == 0
    assert limit(child, "Max open files") <= 64
    assert limit(child, "Max address space") < 8 * 2**30
    assert child.num_threads() == 1
    assert "NoNewPrivs:\t1" in Path(f"/proc/{child.pid}/status").read_text()


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT, signal.SIGILL])
def test_crash_is_a_permanent_error(
    reading: tuple[psutil.Process, Future[object]], how: signal.Signals
) -> None:
    child, future = reading
    child.send_signal(how)
    with pytest.raises(PermanentError, match="damaged"):
        future.result()


def test_external_kill_is_a_transient_error(reading: tuple[psutil.Process, Future[object]]) -> None:
    child, future = reading
    child.kill()
    with pytest.raises(TransientError):
        future.result()


def test_killed_launcher_is_replaced(reading: tuple[psutil.Process, Future[object]], small: Path) -> None:
    child, future = reading
    launcher = child.parent()
    assert launcher is not None
    launcher.kill()
    with pytest.raises(TransientError):
        future.result()
    wait_for(lambda: not is_alive(child))
    assert parse_in_sandbox(small, LIMITS).passages


def test_stop_waits_for_all_processes(slow: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(parse_in_sandbox, slow, PATIENT) for _ in range(3)]
        wait_for(lambda: len(children()) == 3)
        stopped = children()
        # A process with much memory takes a while to exit.
        wait_for(lambda: all(child.memory_info().rss > 300 * 2**20 for child in stopped))
        sandbox.stop()
        assert not any(is_alive(child) for child in reversed(stopped))
        for future in futures:
            with pytest.raises(TransientError, match="stopped"):
                future.result()


def test_concurrent_parsing_leaves_no_processes(small: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"GIF89a")
    mine = psutil.Process()
    parse_in_sandbox(small, LIMITS)
    files = mine.num_fds()

    def one(number: int) -> str:
        try:
            return parse_in_sandbox(picture if number % 5 == 0 else small, LIMITS).passages[0].text
        except IngestError as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(one, range(200)))
    assert results == ["UnsupportedTypeError" if at % 5 == 0 else "Head\nBody \u4eba" for at in range(200)]
    assert children() == []
    assert mine.num_fds() == files
    launcher = sandbox._launcher._process
    assert launcher is not None
    assert psutil.Process(launcher.pid).num_fds() < 12


async def test_sandbox_works_from_an_event_loop(small: Path) -> None:
    documents = await asyncio.gather(*(asyncio.to_thread(parse_in_sandbox, small, LIMITS) for _ in range(4)))
    assert all(document.passages for document in documents)


def test_sandbox_survives_the_end_of_its_first_thread(small: Path) -> None:
    sandbox._launcher.stop()
    thread = threading.Thread(target=parse_in_sandbox, args=(small, LIMITS))
    thread.start()
    thread.join()
    launcher = sandbox._launcher._process
    assert launcher is not None
    time.sleep(0.2)
    assert launcher.poll() is None


PROGRAM = """
    import os, sys, threading
    print("main is run", flush=True)
    from ingest.embedding.packaged import PackagedEmbedder
    PackagedEmbedder().embed_query("Threads and large libraries")
    from pathlib import Path
    from ingest import sandbox
    from ingest.settings import ParserLimits
    sandbox.parse_in_sandbox(Path(sys.argv[1]), ParserLimits())
    print(sandbox._launcher._process.pid, flush=True)
    if len(sys.argv) > 2:
        sandbox.parse_in_sandbox(Path(sys.argv[2]), ParserLimits(seconds=60))
"""


def program(tmp_path: Path, *arguments: Path) -> subprocess.Popen[str]:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    root = str(Path(sandbox.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-m", "program", *map(str, arguments)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": root, "LUMA_LLM_API_KEY": "s3cret", "PATH": "/usr/bin:/bin"},
    )


def test_launcher_does_not_rerun_the_main_module_or_load_the_model(tmp_path: Path, small: Path) -> None:
    process = program(tmp_path, small)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert output.count("main is run") == 1
    assert not psutil.pid_exists(int(output.split()[-1]))


def test_no_process_outlives_a_killed_program(tmp_path: Path, small: Path, slow: Path) -> None:
    with program(tmp_path, small, slow) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "main is run\n"
        launcher = psutil.Process(int(process.stdout.readline()))
        # Secrets in a program's environment are not passed to the parsing process.
        assert not any("LUMA" in name for name in launcher.environ())
        assert not any("onnxruntime" in library.path for library in launcher.memory_maps())
        (child,) = wait_for(launcher.children)
        process.kill()
    for orphan in (launcher, child):
        wait_for(lambda orphan=orphan: not is_alive(orphan))
