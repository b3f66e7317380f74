import json
import re
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from ingest.embedding import Embedder
from ingest.settings import ChunkSettings, IngestSettings
from luma_rag.db.base import utcnow
from luma_rag.db.models import ChunkVector, Document
from luma_rag.errors import InvalidInputError
from luma_rag.evaluation.dataset import Dataset, Entry, load, read_dataset, store_name
from luma_rag.evaluation.plot import draw
from luma_rag.evaluation.questions import Place, Question
from luma_rag.evaluation.report import Report, compare_reports, read_report
from luma_rag.evaluation.runner import run
from luma_rag.runtime import Runtime
from luma_rag.verify import verify

TEXTS = {
    "v": "Volcanoes erupt molten rock that is called lava.",
    "b": "Honey bees dance to tell the others where flowers are.",
    "p": "A piano has eighty-eight keys; hammers strike its strings.",
}


def _write(folder: Path, judgements: str = "query-id\tcorpus-id\tscore\n1\tv\t2\n1\tb\t0\n2\tp\t1\n") -> None:
    corpus = [{"_id": key, "title": "", "text": text} for key, text in TEXTS.items()]
    queries = [
        {"_id": "1", "text": "What comes out of a volcano?"},
        {"_id": "2", "text": "number of piano keys"},
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels.tsv").write_text(judgements)


def test_dataset_is_read_with_its_grades(tmp_path: Path) -> None:
    _write(tmp_path)
    dataset = read_dataset(tmp_path)
    assert dataset.questions == [
        Question("1", "What comes out of a volcano?", (Place("v", grade=2),)),
        Question("2", "number of piano keys", (Place("p"),)),
    ]
    assert {entry.id: entry.text for entry in dataset.entries} == TEXTS


def test_invalid_dataset_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is no retrieval set"):
        read_dataset(tmp_path)
    _write(tmp_path, judgements="who\twhat\n1\tv\n")
    with pytest.raises(InvalidInputError, match="can't be read"):
        read_dataset(tmp_path)


def test_different_settings_use_separate_stores(tmp_path: Path) -> None:
    _write(tmp_path)
    dataset = read_dataset(tmp_path)
    other = msgspec.structs.replace(dataset, entries=[*dataset.entries[:2], Entry("p", "Something else.")])
    usual = IngestSettings()
    shorter = msgspec.structs.replace(usual, chunk=ChunkSettings(max_tokens=128))
    exact = msgspec.structs.replace(usual, profile="float32")
    names = {
        store_name(dataset, usual),
        store_name(read_dataset(tmp_path), IngestSettings()),
        store_name(other, usual),
        store_name(dataset, shorter),
        store_name(dataset, exact),
    }
    assert len(names) == 4


async def _load(runtime: Runtime, embedder: Embedder, dataset: Dataset) -> list[int]:
    done: list[int] = []
    await load(runtime, embedder, dataset, ChunkSettings(), done.append)
    return done


async def test_dataset_ids_are_not_used_as_paths(
    runtime: Runtime, embedder: Embedder, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("not of the set")
    entries = [Entry(key, "Moles dig at noon.") for key in ("../../secret", str(tmp_path / "secret"), "")]
    dataset = Dataset("odd", entries, [])
    assert await _load(runtime, embedder, dataset) == [0, 3]
    assert await _load(runtime, embedder, dataset) == [3]
    async with runtime.sessions.begin() as session:
        paths = (await session.scalars(select(Document.file_path))).all()
    assert all(re.fullmatch("[0-9a-f]{64}", path) for path in paths)
    assert not any(runtime.storage.path(path).exists() for path in paths)


async def test_dataset_is_loaded_once_searched_and_reported(
    runtime: Runtime, embedder: Embedder, tmp_path: Path
) -> None:
    _write(tmp_path)
    dataset = read_dataset(tmp_path)
    # An earlier run was interrupted after the first document.
    half = Dataset(dataset.name, dataset.entries[:1], [])
    assert await _load(runtime, embedder, half) == [0, 1]
    assert await _load(runtime, embedder, dataset) == [1, 3]
    assert await _load(runtime, embedder, dataset) == [3]
    async with runtime.sessions.begin() as session:
        assert await session.scalar(select(func.count()).select_from(Document)) == 3
        assert await session.scalar(select(func.count()).select_from(ChunkVector)) == 3
    found = await verify(runtime.sessions, runtime.storage, deep=False)
    assert {finding.check for finding in found.findings} == {"missing-file"}

    principal, namespace_id = await load(runtime, embedder, dataset, ChunkSettings())
    runs = [
        await run(
            runtime.sessions, runtime.retriever, principal, namespace_id, dataset.questions, mode=mode, k=10
        )
        for mode in ("hybrid", "dense")
    ]
    assert [run.measures["nDCG@10"].mean for run in runs] == [1, 1]
    assert [(run.questions, run.leaked, run.unknown) for run in runs] == [(2, 0, [])] * 2

    report = Report(dataset.name, utcnow(), "a model", runs)
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(report))
    again = read_report(tmp_path / "report.json")
    assert again == report
    assert [c.differences["RR"].mean for c in compare_reports(report, again)] == [0, 0]
    for name, begins in (("plot.png", b"\x89PNG"), ("plot.svg", b"<?xml"), ("plot.html", b"<!doctype html>")):
        draw(report, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
    with pytest.raises(InvalidInputError, match=r"\.png, \.svg, \.html"):
        draw(report, tmp_path / "plot.gif")
