"""The generated reference pages. They are committed, and a test fails when they differ from the code."""

from collections.abc import Callable
from pathlib import Path

from scripts.docs.cli import cli_page
from scripts.docs.error_classes import errors_page
from scripts.docs.http_api import http_api_page
from scripts.docs.settings import settings_page

ROOT = Path(__file__).parents[2]
PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": settings_page,
    "docs/reference/cli.md": cli_page,
    "docs/reference/http-api.md": http_api_page,
    "docs/reference/errors.md": errors_page,
}
NOTICE = "<!-- Generated from the code by `make docs`. Edit the code instead. -->\n\n"


def render(path: str) -> str:
    """The current text of a generated page."""
    return NOTICE + PAGES[path]().rstrip() + "\n"


def write() -> None:
    """Write all generated pages."""
    for path in PAGES:
        (ROOT / path).write_text(render(path), encoding="utf-8")
