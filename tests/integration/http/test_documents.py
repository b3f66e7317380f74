import asyncio
from pathlib import Path

import docx
import pytest
from sqlalchemy import text

from luma_rag.verify import verify
from tests import factories
from tests.api import Api


async def test_uploaded_document_becomes_searchable(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    answer = await alice.post(
        "/api/documents",
        files={"file": ("../../etc/handbook.pdf", factories.handbook(tmp_path).read_bytes())},
        data={"namespace_id": [str(namespace)]},
    )
    assert answer.status_code == 201
    document = answer.json()
    assert document["title"] == "handbook"
    assert document["type"] == "pdf"
    assert document["is_public"] is False
    assert document["file_metadata"]["original_filename"] == "handbook.pdf"
    assert "file_path" not in document
    assert [i["state"] for i in document["ingestions"]] == ["queued"]
    await api.work()
    ingestion = (await alice.get(f"/api/ingestions/{document['ingestions'][0]['id']}")).json()
    assert (ingestion["state"], ingestion["progress"], ingestion["error"]) == ("ready", 1.0, None)
    listed = (await alice.get(f"/api/namespaces/{namespace}/documents")).json()
    assert listed["total"] == 1
    assert listed["items"][0]["vec_count"] == ingestion["chunks"] > 0
    assert listed["items"][0]["file_metadata"]["pages"] == 3
    found = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": "How many days off?"})
    assert found.status_code == 200
    hits = found.json()["hits"]
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert (hits[0]["page"], hits[0]["doc_id"], hits[0]["title"]) == (1, document["id"], "handbook")
    assert hits[0]["score"] > hits[-1]["score"]
    assert set(found.json()["took_ms"]) == {"embed", "search", "rerank", "total"}
    passages = (await alice.get(f"/api/documents/{document['id']}/passages", params={"page": 2})).json()
    assert passages["total"] == 1
    assert "laboratory" in passages["items"][0]["text"]


async def test_what_a_document_keeps_to_itself_is_told(api: Api, tmp_path: Path) -> None:
    made = docx.Document()
    made.add_comment(made.add_paragraph().add_run("Delivery in week 14."), "Never!", "Ann")
    rows = made.add_table(rows=80, cols=2).rows
    for number, row in enumerate(rows):
        row.cells[0].text, row.cells[1].text = f"River town {number}", f"{number} percent lost"
    rows[0].cells[0].text, rows[0].cells[1].text = "Town", "Leakage"
    made.save(str(tmp_path / "report.docx"))
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    answer = await alice.post(
        "/api/documents",
        files={"file": ("report.docx", (tmp_path / "report.docx").read_bytes())},
        data={"namespace_id": [str(namespace)]},
    )
    await api.work()
    document = (await alice.get(f"/api/documents/{answer.json()['id']}")).json()
    assert document["file_metadata"]["warnings"] == [
        {"code": "comments_left_out", "pages": [], "text": "1 comment of a reviewer was left out."}
    ]
    found = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": "leakage of town 71"})
    hit = next(hit for hit in found.json()["hits"] if "town 71 " in hit["text"])
    assert "Town | Leakage" not in hit["text"]
    assert hit["heading"] == "Town | Leakage"


async def test_vec_id_selects_exactly_the_vectors_of_the_namespace(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    one, two = await api.namespace(alice), await api.namespace(alice)
    doc_id = await api.upload(alice, factories.handbook(tmp_path), one)
    added = await alice.post(f"/api/namespaces/{two}/documents", json={"doc_id": doc_id})
    assert added.status_code == 202
    await api.work()
    async with api.runtime.engine.connect() as connection:
        rows = await connection.execute(text("SELECT namespace_id, doc_id, vec_id FROM namespace_doc"))
        for namespace_id, document_id, vec_id in rows.all():
            vectors = await connection.scalars(
                text("SELECT id::text FROM chunk_vector WHERE namespace_id = :n AND doc_id = :d ORDER BY id"),
                {"n": namespace_id, "d": document_id},
            )
            assert vec_id == vectors.all() != []
        assert await connection.scalar(text("SELECT count(*) FROM namespace_doc")) == 2
        # Embedded once for any number of namespaces.
        assert await connection.scalar(text("SELECT count(DISTINCT doc_id) FROM chunk")) == 1
        chunks = await connection.scalar(text("SELECT count(*) FROM chunk"))
        assert await connection.scalar(text("SELECT count(*) FROM chunk_vector")) == 2 * chunks


async def test_same_file_is_the_same_document(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    one, two = await api.namespace(alice), await api.namespace(alice)
    path = factories.handbook(tmp_path)
    first = await api.upload(alice, path, one)
    chunks = (await alice.get(f"/api/namespaces/{one}")).json()["chunks"]
    assert await api.upload(alice, path, one, two) == first
    for namespace in (one, two):
        assert (await alice.get(f"/api/namespaces/{namespace}")).json()["chunks"] == chunks
    files = [path for path in (api.runtime.settings.data_dir / "files").rglob("*") if path.is_file()]
    assert len(files) == 1


async def test_lost_file_is_restored_by_the_next_upload(api: Api, tmp_path: Path) -> None:
    alice = await api.admin()
    namespace = await api.namespace(alice)
    path = factories.handbook(tmp_path)
    doc_id = await api.upload(alice, path, namespace)
    (stored,) = api.runtime.storage.files()
    api.runtime.storage.remove(stored.path)
    lost = await alice.get(f"/api/documents/{doc_id}/file")
    assert lost.status_code == 404
    assert "Its owner" in lost.json()["detail"]
    # Two concurrent uploads: one of the two files is kept.
    again = await asyncio.gather(*(api.upload(alice, path, namespace) for _ in range(2)))
    assert again == [doc_id, doc_id]
    assert (await alice.get(f"/api/documents/{doc_id}/file")).content == path.read_bytes()
    assert len(list(api.runtime.storage.files())) == 1
    assert (await verify(api.runtime.sessions, api.runtime.storage, deep=True)).findings == []


async def test_removing_a_document_deletes_everything(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    doc_id = await api.upload(alice, factories.handbook(tmp_path), namespace)
    assert (await alice.delete(f"/api/namespaces/{namespace}/documents/{doc_id}")).status_code == 204
    found = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": "vacuum"})
    assert found.json()["hits"] == []
    assert (await alice.delete(f"/api/documents/{doc_id}")).status_code == 204
    async with api.runtime.engine.connect() as connection:
        for table in ("document", "passage", "chunk", "chunk_vector", "namespace_doc", "ingestion"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
    assert not [path for path in (api.runtime.settings.data_dir / "files").rglob("*") if path.is_file()]


async def test_original_opens_in_the_browser_without_scripts(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    path = factories.handbook(tmp_path)
    doc_id = await api.upload(alice, path)
    answer = await alice.get(f"/api/documents/{doc_id}/file")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"\x89PNG\r\n\x1a\n"),
        ("data.csv", b"a,b\n\0,\1"),
        ("archive.docx", b"PK\x03\x04 but no more"),
    ],
)
async def test_type_is_detected_from_the_content(api: Api, name: str, content: bytes) -> None:
    alice = await api.user("alice")
    answer = await alice.post("/api/documents", files={"file": (name, content)})
    assert answer.status_code == 415
    assert "Markdown" in answer.json()["detail"] or "OCR" in answer.json()["detail"]
    assert not [path for path in (api.runtime.settings.data_dir / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "content", "kind", "media_type", "saved_as"),
    [
        ("page.pdf", b"<html><script>alert(1)</script>x</html>", "html", "text/plain", "page.pdf.html"),
        ("page.htm", b"<!doctype html><script>alert(1)</script>x", "html", "text/plain", "page.htm"),
        ("notes.md", b"# Notes", "md", "text/markdown", "notes.md"),
        ("notes", b"# Notes\n\n**words** and more\n", "md", "text/markdown", "notes.md"),
        ("dues.tsv", b"a\tb\n1\t2\n", "csv", "text/csv", "dues.tsv"),
        ("a.txt", b"words", "txt", "text/plain", "a.txt"),
        ("a.eml", b"Subject: x\n\n<script>alert(1)</script>", "eml", "message/rfc822", "a.eml"),
    ],
)
async def test_text_is_only_served_to_be_saved(
    api: Api, name: str, content: bytes, kind: str, media_type: str, saved_as: str
) -> None:
    """A browser that showed an uploaded page would run it with the rights of the reader."""
    alice = await api.user("alice")
    document = (await alice.post("/api/documents", files={"file": (name, content, "text/html")})).json()
    assert document["type"] == kind
    answer = await alice.get(f"/api/documents/{document['id']}/file")
    assert answer.content == content
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{saved_as}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"].split("; ")


async def test_document_without_text_fails_with_a_message(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    await api.upload(alice, factories.pdf(tmp_path / "blank.pdf", "", ""), namespace)
    listed = (await alice.get(f"/api/namespaces/{namespace}/documents")).json()["items"][0]
    assert listed["ingestion"]["state"] == "failed"
    assert "no text" in listed["ingestion"]["error"].lower()
    assert listed["vec_count"] == 0
    retried = await alice.post(f"/api/ingestions/{listed['ingestion']['id']}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")
    twice = await alice.post(f"/api/ingestions/{listed['ingestion']['id']}/retry")
    assert twice.status_code == 409


async def test_invalid_form_stores_nothing(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    content = factories.handbook(tmp_path).read_bytes()
    file = {"file": ("handbook.pdf", content)}
    assert (await alice.post("/api/documents", data={"title": "no file"}, files={})).status_code in (415, 422)
    missing = await alice.post("/api/documents", files={"other": ("x.pdf", content)})
    assert missing.status_code == 422
    unknown = await alice.post("/api/documents", files=file, data={"colour": "red"})
    assert unknown.status_code == 422
    # Ids are never negative and never exceed the database's range.
    for number in ("all", "0", "-1", "2147483648", "99999999999", "9" * 30):
        wrong = await alice.post("/api/documents", files=file, data={"namespace_id": number})
        assert wrong.status_code == 422, number
        assert wrong.json()["errors"][0]["field"].startswith("namespace_id")
    foreign = await alice.post("/api/documents", files=file, data={"namespace_id": "4711"})
    assert foreign.status_code == 404
    broken = await alice.post(
        "/api/documents",
        content=b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-',
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert broken.status_code == 400
    assert (await alice.get("/api/documents")).json()["total"] == 0
    assert not [path for path in (api.runtime.settings.data_dir / "files").rglob("*") if path.is_file()]


async def test_document_filter_never_widens_a_search(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    one, two = await api.namespace(alice), await api.namespace(alice)
    here = await api.upload(alice, factories.handbook(tmp_path), one)
    section = {"Vacation": "Everybody has days off."}
    there = await api.upload(alice, factories.word(tmp_path / "rules.docx", section), two)

    async def ids(**options: object) -> set[int]:
        found = await alice.post(f"/api/namespaces/{one}/search", json={"query": "days off", **options})
        return {hit["doc_id"] for hit in found.json()["hits"]}

    assert await ids(k=100) == {here}
    assert await ids(doc_ids=[here]) == {here}
    assert await ids(doc_ids=[there]) == set()
    assert await ids(doc_ids=[]) == set()
    assert await ids(mode="hybrid") == await ids(mode="dense") == {here}
    mistyped = await alice.post(f"/api/namespaces/{one}/search", json={"query": "x", "docids": [here]})
    assert mistyped.status_code == 422


async def test_word_document_has_headings_instead_of_pages(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    sections = {"Payment": "Invoices are due in fourteen days.", "Notice": "Either side may leave in May."}
    await api.upload(alice, factories.word(tmp_path / "contract.docx", sections), namespace)
    query = {"query": "When must bills be paid?"}
    hit = (await alice.post(f"/api/namespaces/{namespace}/search", json=query)).json()["hits"][0]
    assert (hit["page"], hit["heading"]) == (None, "Payment")


async def test_document_removed_while_queued_does_not_reappear(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    content = factories.handbook(tmp_path).read_bytes()
    uploaded = await alice.post(
        "/api/documents", files={"file": ("h.pdf", content)}, data={"namespace_id": str(namespace)}
    )
    doc_id = uploaded.json()["id"]
    assert (await alice.delete(f"/api/namespaces/{namespace}/documents/{doc_id}")).status_code == 204
    await api.work()
    assert (await alice.get(f"/api/namespaces/{namespace}/documents")).json()["total"] == 0


async def test_concurrent_uploads(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    paths = [factories.pdf(tmp_path / f"{i}.pdf", f"Page of file {i}") for i in range(12)]
    answers = await asyncio.gather(
        *(
            alice.post(
                "/api/documents",
                files={"file": (path.name, path.read_bytes())},
                data={"namespace_id": str(namespace)},
            )
            for path in paths
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    await api.work()
    listed = (await alice.get(f"/api/namespaces/{namespace}/documents", params={"limit": 200})).json()
    assert [item["ingestion"]["state"] for item in listed["items"]] == ["ready"] * 12


@pytest.mark.parametrize(
    ("uploaded", "served"),
    [
        ("x.html", 'inline; filename="x.html.pdf"'),
        ("handbook.pdf", 'inline; filename="handbook.pdf"'),
        ("exe\u202efdp.exe", 'inline; filename="exefdp.exe.pdf"'),
        ("a b.svg", "inline; filename*=utf-8''a%20b.svg.pdf"),
    ],
)
async def test_file_is_served_under_the_ending_of_its_type(
    api: Api, tmp_path: Path, uploaded: str, served: str
) -> None:
    alice = await api.user("alice")
    content = factories.handbook(tmp_path).read_bytes()
    created = await alice.post("/api/documents", files={"file": (uploaded, content)})
    answer = await alice.get(f"/api/documents/{created.json()['id']}/file")
    assert answer.headers["content-disposition"] == served
    assert answer.headers["content-type"] == "application/pdf"


async def test_what_was_not_read_and_printed_page_numbers_are_told(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    doc_id = await api.upload(alice, factories.book_with_a_scan(tmp_path), namespace)
    document = (await alice.get(f"/api/documents/{doc_id}")).json()
    (warning,) = document["file_metadata"]["warnings"]
    assert warning == {"code": "page_without_text", "pages": [2], "text": "There is no text on page 2 of 4."}
    (entry,) = (await alice.get(f"/api/namespaces/{namespace}/documents")).json()["items"]
    ingestion = (await alice.get(f"/api/ingestions/{entry['ingestion']['id']}")).json()
    assert document["warnings"] == ingestion["warnings"] == entry["ingestion"]["warnings"] == [warning]
    passages = (await alice.get(f"/api/documents/{doc_id}/passages")).json()["items"]
    assert [(passage["page"], passage["label"]) for passage in passages] == [(1, "i"), (3, "1"), (4, "2")]
