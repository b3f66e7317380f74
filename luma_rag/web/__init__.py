"""The chat page: plain HTML, CSS and ES modules, served unmodified, with no build step."""

from pathlib import Path

INDEX = Path(__file__).parent / "index.html"
"""Served at `/`."""

STATIC = Path(__file__).parent / "static"
"""Served under `/static/`."""

SCHEMA = Path(__file__).parent / "schema.html"
"""Served at `/schema`."""
