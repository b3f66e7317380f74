"""The launcher of processes that recognize the text of a page each. It loads the models once."""

from typing import BinaryIO, Never

from ingest import launcher
from ingest.messages import Request
from ingest.recognition.pages import PageRecognizer
from ingest.types import RecognizedPage


def main() -> Never:
    """Serve over the socket that is the standard input."""
    recognizer = PageRecognizer()

    def work(file: BinaryIO, request: Request) -> RecognizedPage:
        return recognizer.recognize(file, request.page)

    launcher.serve(0, work)
