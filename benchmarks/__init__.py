"""Measurements, each a command: `python -m benchmarks.ingest FOLDER`, `python -m benchmarks.docqa FOLDER`."""
