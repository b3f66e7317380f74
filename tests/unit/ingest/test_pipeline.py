from pathlib import Path

import docx
import pytest

from ingest.embedding import Embedder
from ingest.errors import NoTextError, TransientError, UnsupportedTypeError
from ingest.pipeline import process, read
from ingest.settings import IngestSettings
from ingest.types import Source

SETTINGS = IngestSettings()


def write(path: Path, paragraphs: list[str]) -> Source:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(str(path))
    return Source(path, "The contract.docx")


def test_document_becomes_embedded_chunks(tmp_path: Path, embedder: Embedder) -> None:
    source = write(
        tmp_path / "a.docx", [f"Paragraph {i} says that the rent is {i} euros." for i in range(100)]
    )
    seen: list[tuple[str, float]] = []
    result = process(source, embedder, SETTINGS, lambda stage, fraction: seen.append((stage, fraction)))
    assert result.document.type == "docx"
    assert len(result.chunks) > 3
    assert result.embeddings.shape == (len(result.chunks), 384)
    question = embedder.embed_query("paragraph 57: how much is the rent?")
    best = result.chunks[int((result.embeddings @ question).argmax())]
    assert "rent" in best.text
    assert best.context == "The contract"
    assert list(dict.fromkeys(stage for stage, _ in seen)) == ["parsing", "chunking", "embedding"]
    embedding = [fraction for stage, fraction in seen if stage == "embedding"]
    assert embedding == sorted(embedding)
    assert (embedding[0], embedding[-1]) == (0, 1)


def test_parsing_needs_no_model(tmp_path: Path, embedder: Embedder) -> None:
    source = write(tmp_path / "a.docx", ["One sentence."])
    document, chunks = read(source, embedder.tokens, SETTINGS)
    assert [chunk.text for chunk in chunks] == ["One sentence."]
    assert document.passages[0].text == "One sentence."


@pytest.mark.parametrize("paragraphs", [[], ["\u200b\u200b", " "]], ids=["blank", "invisible"])
def test_document_without_text_is_an_error(paragraphs: list[str], tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(NoTextError, match="OCR"):
        process(write(tmp_path / "a.docx", paragraphs), embedder, SETTINGS)


def test_errors_propagate(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "a.pdf").write_bytes(b"GIF89a")
    with pytest.raises(UnsupportedTypeError):
        process(Source(tmp_path / "a.pdf", "a"), embedder, SETTINGS)
    with pytest.raises(TransientError):
        process(Source(tmp_path / "missing.pdf", "a"), embedder, SETTINGS)
