"""The log of a process: lines of text for people, or of JSON for programs, on standard error."""

import json
import logging
import re
import time

import msgspec

from luma_rag import tracing
from luma_rag.audit import request_context
from luma_rag.settings import LogSettings

_TEXT = "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s"
# Control characters, and what else ends a line; but for tabs and line feeds.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_CHATTY = ("alembic", "asyncio", "httpcore", "httpx", "uvicorn.error")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "request_id", "taskName"}


def to_stderr(settings: LogSettings) -> None:
    """Log to standard error from now on, Python's warnings included."""
    handler = logging.StreamHandler()
    # On the handler: the filters of a logger don't apply to records of its child loggers.
    handler.addFilter(_OfRequest())
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter(_TEXT))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class TextFormatter(logging.Formatter):
    """Lines for people. Further lines of a record are indented, and control characters are escaped.

    Messages quote files, servers and clients. None of them can forge a record or command a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without the last end."""
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], super().format(record))
        return text.replace("\n", "\n    ")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `time` (UTC), `level`, `logger`, `message`, and what else the record has.

    `request_id` and `trace_id` are those of the HTTP request, if there is one; `exception` is a traceback.
    Fields passed as `extra` become members of their own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", "-")
        if request_id != "-":
            line["request_id"] = request_id
        if (trace_id := tracing.trace_id()) is not None:
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # Libraries, such as Ray, add private ones to every record of their process.
        extra = {
            name: value
            for name, value in vars(record).items()
            if name not in _STANDARD and not name.startswith("_")
        }
        try:
            return msgspec.json.encode(extra | line, enc_hook=str).decode()
        except UnicodeEncodeError:
            # Paths and texts may have lone surrogates, which UTF-8 can't encode.
            return json.dumps(extra | line, default=str)


class _OfRequest(logging.Filter):
    """Adds the id of the request to every line, or `-` outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_context.get().request_id or "-"
        return True
