"""The log of the service and the format of its lines."""

import logging

from luma_rag.audit import request_context


class _OfRequest(logging.Filter):
    """Adds the id of the request to every line, or `-` outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_context.get().request_id or "-"
        return True


def log_to_stderr() -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    # On the handler: the filters of a logger don't apply to records of its child loggers.
    handler.addFilter(_OfRequest())
    logging.basicConfig(
        format="%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s",
        level=logging.INFO,
        handlers=[handler],
    )
    for chatty in ("alembic", "httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
