"""Bytes in, embedded chunks out: parse, chunk and embed documents. Knows no HTTP, no database, no users."""

import os

# Before it is imported anywhere: ONNX Runtime starts a thread that reports its use to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
