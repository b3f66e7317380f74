"""The page offers to send what the server reads."""

import re

from ingest.parsers.formats import FORMATS
from tests.paths import ROOT


def test_the_page_knows_the_endings_of_all_formats() -> None:
    source = (ROOT / "luma_rag" / "web" / "static" / "stores" / "uploads.js").read_text()
    listed = re.search(r"export const READABLE = \{(.*?)\};", source, re.DOTALL)
    assert listed is not None
    endings = [tuple(re.findall(r'"(\w+)"', one)) for one in re.findall(r"\[(.*?)\]", listed[1])]
    assert endings == [one.suffixes for one in FORMATS.values()]
