"""Over a thousand broken, encrypted, scanned and unusual files, which are not part of the project.

Runs only if `LUMA_TEST_DATA` names the folder with the files (described in `hostile/hostile.tsv`).
"""

import csv
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.errors import EncryptedError, IngestError, PermanentError
from ingest.parsers.text import readable
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

DATA = os.environ.get("LUMA_TEST_DATA")
LIMITS = ParserLimits(memory_mb=1024, seconds=30, elapsed_seconds=300)
PARALLEL = 2

pytestmark = pytest.mark.skipif(DATA is None, reason="LUMA_TEST_DATA does not name the folder of test data")


def read(path: Path) -> tuple[ParsedDocument | IngestError, float]:
    start = time.monotonic()
    result: ParsedDocument | IngestError
    try:
        result = parse_in_sandbox(path, LIMITS)
    except IngestError as error:
        result = error
    return result, time.monotonic() - start


def check(path: Path, result: ParsedDocument | IngestError) -> str:
    if isinstance(result, IngestError):
        assert isinstance(result, PermanentError), f"{path.name}: {result!r}"
        assert str(result)
        assert str(path.parent) not in str(result)
        return type(result).__name__
    assert any(readable(passage.text) for passage in result.passages)
    assert all(
        passage.page is None or 1 <= passage.page <= (result.pages or 0) for passage in result.passages
    )
    return "read"


@pytest.mark.timeout(1800)
def test_every_hostile_file_has_the_expected_outcome() -> None:
    folder = Path(str(DATA)) / "hostile"
    with (folder / "hostile.tsv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) > 1000
    with ThreadPoolExecutor(PARALLEL) as threads:
        results = list(threads.map(lambda row: read(folder / row["file"]), rows))
    kinds = Counter[str]()
    for row, (result, seconds) in zip(rows, results, strict=True):
        kind = check(folder / row["file"], result)
        kinds[kind] += 1
        # One extra second for the kill itself on a busy machine.
        assert seconds < LIMITS.elapsed_seconds + 1, row["file"]
        if row["password"]:
            assert kind == EncryptedError.__name__, row["file"]
    print(kinds)
    assert kinds["read"] >= 1000, "files that used to be read are not read any more"
