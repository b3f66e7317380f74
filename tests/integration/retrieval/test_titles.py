"""A document's title and file name count in hybrid search, and tables of contents come last."""

from pathlib import Path

import httpx

from tests.api import Api
from tests.factories import pdf

QUESTION = "What was the revenue in 2023?"


async def _titles(client: httpx.AsyncClient, namespace: int, query: str = QUESTION) -> list[str]:
    answer = await client.post(f"/api/namespaces/{namespace}/search", json={"query": query})
    assert answer.status_code == 200, answer.text
    return [hit["title"] for hit in answer.json()["hits"]]


async def test_new_title_counts_at_once(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    ids = {}
    for title, revenue in (("One", 5), ("Two", 7)):
        path = pdf(tmp_path / f"{title}.pdf", f"The revenue was {revenue} million.")
        ids[title] = await api.upload(alice, path, namespace, title=title)
    first, second = await _titles(alice, namespace)
    renamed = await alice.patch(f"/api/documents/{ids[second]}", json={"title": "Report 2023"})
    assert renamed.status_code == 200
    assert await _titles(alice, namespace) == ["Report 2023", first]
    await alice.patch(f"/api/documents/{ids[second]}", json={"title": second})
    assert await _titles(alice, namespace) == [first, second]


async def test_file_name_counts(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    for title, name, revenue in (("One", "acme_FY2022", 5), ("Two", "acme_FY2023", 7)):
        path = pdf(tmp_path / f"{name}.pdf", f"The revenue was {revenue} million.")
        await api.upload(alice, path, namespace, title=title)
    assert await _titles(alice, namespace) == ["Two", "One"]
    assert await _titles(alice, namespace, "What was the revenue in 2022?") == ["One", "Two"]


async def test_section_comes_before_the_table_of_contents(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    sections = {
        "End of the contract": "Both may leave by a letter. It goes to the seat of the other party.",
        "Liability for delay": "For each week the supplier owes two per cent of the price.\n"
        "It owes no more than ten per cent in all.\nThe first three days of a strike are not counted.\n"
        "The buyer sends a notice.\nGoods that arrive early may be refused.",
        "Insurance of the cargo": "The buyer covers the goods from the quay to the door of the store.",
        "Applicable law and court": "Disputes are heard in Bergen.",
    }
    lines = [f"{n}. {heading} {'.' * 30} {n + 1}" for n, heading in enumerate(sections, start=1)]
    pages = [f"{heading}\n{text}" for heading, text in sections.items()]
    await api.upload(
        alice, pdf(tmp_path / "contract.pdf", "\n".join(["Contents", *lines]), *pages), namespace
    )
    for page, heading in enumerate(sections, start=2):
        answer = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": heading})
        assert answer.json()["hits"][0]["page"] == page, heading


async def test_question_is_also_asked_in_the_words_of_documents(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    pages = [
        "Working in the capital: our office there has room for forty people at work.",
        "Total current assets 5,120\nInventories 1,300\nTotal current liabilities 2,040",
        "The weather was fine for most of the year.",
    ]
    await api.upload(alice, pdf(tmp_path / "report.pdf", *pages), namespace)
    answer = await alice.post(
        f"/api/namespaces/{namespace}/search", json={"query": "What is the working capital?"}
    )
    assert answer.json()["hits"][0]["page"] == 2
    assert answer.json()["is_relevant"] is True
    # Other modes search for the question as it is.
    for mode in ("dense", "lexical"):
        answer = await alice.post(
            f"/api/namespaces/{namespace}/search",
            json={"query": "What is the working capital?", "mode": mode},
        )
        assert answer.json()["hits"][0]["page"] == 1, mode
