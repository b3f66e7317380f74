"""Lines of the log."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from luma_rag import log
from luma_rag.audit import RequestContext, request_context
from luma_rag.settings import LogSettings


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log._CHATTY}
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_a_record_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    log.to_stderr(LogSettings(format="json"))
    token = request_context.set(RequestContext("abc123"))
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("luma_rag.test").exception('It "failed" at\n%s', "once", extra={"status": 500})
    finally:
        request_context.reset(token)
    line, rest = capsys.readouterr().err.split("\n")
    assert rest == ""
    found = json.loads(line)
    assert "ValueError: two\nlines" in found.pop("exception")
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "error",
        "logger": "luma_rag.test",
        "message": 'It "failed" at\nonce',
        "request_id": "abc123",
        "status": 500,
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_less_severe_records_are_left_out(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.to_stderr(LogSettings(format=format, level="warning"))  # type: ignore[arg-type]
    logging.getLogger("luma_rag.test").info("quiet")
    logging.getLogger("luma_rag.test").warning("loud")
    written = capsys.readouterr().err
    assert "loud" in written
    assert "quiet" not in written


def test_debugging_shows_libraries_only_when_they_warn(capsys: pytest.CaptureFixture[str]) -> None:
    log.to_stderr(LogSettings(level="debug"))
    logging.getLogger("httpx").info("GET http://localhost/?key=secret")
    logging.getLogger("luma_rag.test").debug("detail")
    written = capsys.readouterr().err
    assert "detail" in written
    assert "secret" not in written
    assert logging.getLogger().handlers[0].stream is sys.stderr  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_message_forges_no_record(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.to_stderr(LogSettings())
    try:
        raise ValueError(f"damaged{end}2026-11-27 ERROR [-] luma_rag: forged")
    except ValueError as error:
        logging.getLogger("luma_rag.test").exception("Failed: %s\x1b[2J", error)
    first, *others = capsys.readouterr().err.splitlines()
    assert "damaged" in first
    assert others
    assert all(line.startswith("    ") for line in others)
    assert "\x1b" not in first


def test_a_record_with_half_a_character_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.to_stderr(LogSettings(format="json"))
    logging.getLogger("luma_rag.test").warning("No such file: %s", "a\udcff", extra={"path": "a\udcff"})
    assert json.loads(capsys.readouterr().err)["message"] == "No such file: a\udcff"
