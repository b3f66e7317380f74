"""What the service logs, and how a line looks."""

import logging

from luma_rag.audit import request_context


class _OfRequest(logging.Filter):
    """Gives every line the id of the request in which it was written, or `-`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_context.get().request_id or "-"
        return True


def log_to_stderr() -> None:
    """Log what operators want to know."""
    handler = logging.StreamHandler()
    # On the handler, for a logger's own filters do not see what comes up from the loggers below it.
    handler.addFilter(_OfRequest())
    logging.basicConfig(
        format="%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s",
        level=logging.INFO,
        handlers=[handler],
    )
    for chatty in ("alembic", "httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
