import asyncio
from pathlib import Path

import httpx
from sqlalchemy import delete

from luma_rag.db.models import Document
from tests import factories
from tests.api import Api


async def _measured(api: Api, tmp_path: Path) -> tuple[httpx.AsyncClient, str, int]:
    """Somebody with a handbook in a namespace, and a set of two questions."""
    alice = await api.user("alice")
    namespace_id = await api.namespace(alice)
    doc_id = await api.upload(alice, factories.handbook(tmp_path), namespace_id)
    base = f"/api/namespaces/{namespace_id}"
    passages = (await alice.get(f"/api/documents/{doc_id}/passages")).json()["items"]
    questions = [
        {"question": passages[0]["text"][:200], "places": [{"doc_id": doc_id, "page": 1}]},
        {"question": "What is not told here?", "places": [{"doc_id": doc_id, "page": 999}]},
    ]
    added = await alice.post(f"{base}/questions", json={"questions": questions})
    assert added.status_code == 201, added.text
    return alice, base, doc_id


async def test_a_run_is_measured_kept_and_compared(api: Api, tmp_path: Path) -> None:
    alice, base, _ = await _measured(api, tmp_path)
    set_of_questions = (await alice.get(f"{base}/questions")).json()
    assert set_of_questions["total"] == 2
    first, second = [str(question["id"]) for question in set_of_questions["items"]]
    made = await alice.post(f"{base}/evaluations", json={"mode": "dense", "k": 10})
    assert made.status_code == 201, made.text
    run = made.json()
    assert run["result"]["measures"]["Success@5"]["values"] == {first: 1, second: 0}
    assert run["result"]["measures"]["RR"]["mean"] == 0.5
    assert run["result"]["leaked"] == 0
    assert (await alice.get(f"{base}/evaluations/{run['id']}")).json() == run
    other = (await alice.post(f"{base}/evaluations", json={})).json()
    kept = (await alice.get(f"{base}/evaluations")).json()
    assert [item["id"] for item in kept["items"]] == [other["id"], run["id"]]
    assert kept["items"][1]["measures"]["RR"] == 0.5
    compared = (await alice.get(f"{base}/evaluations/{run['id']}/compare/{other['id']}")).json()
    assert compared["differences"]["RR"] == {"questions": 2, "mean": 0, "p": 1}


async def test_with_the_rights_of_somebody_who_has_none_nothing_is_found(api: Api, tmp_path: Path) -> None:
    alice, base, _ = await _measured(api, tmp_path)
    bob = await api.user("bob")
    bobs_id = (await bob.get("/api/auth/me")).json()["id"]
    as_bob = (await alice.post(f"{base}/evaluations", json={"user_id": bobs_id})).json()
    assert as_bob["user_id"] == bobs_id
    assert as_bob["result"]["leaked"] == 0
    assert {measured["mean"] for measured in as_bob["result"]["measures"].values()} == {0}
    await alice.put(f"{base}/members/{bobs_id}", json={"auth_level": 1})
    as_member = (await alice.post(f"{base}/evaluations", json={"user_id": bobs_id})).json()
    assert as_member["result"]["measures"]["Success@5"]["mean"] == 0.5


async def test_questions_go_with_the_last_of_their_documents(api: Api, tmp_path: Path) -> None:
    alice, base, doc_id = await _measured(api, tmp_path)
    other = factories.pdf(tmp_path / "other.pdf", "Moles dig at noon.")
    other_id = await api.upload(alice, other, int(base.rsplit("/", 1)[1]))
    both = {"question": "Who digs?", "places": [{"doc_id": doc_id}, {"doc_id": other_id}]}
    assert (await alice.post(f"{base}/questions", json={"questions": [both]})).status_code == 201
    await alice.delete(f"/api/documents/{doc_id}")
    (left,) = (await alice.get(f"{base}/questions")).json()["items"]
    assert (left["question"], [place["doc_id"] for place in left["places"]]) == ("Who digs?", [other_id])
    # Out of the namespace is not gone: it may come back.
    assert (await alice.delete(f"{base}/documents/{other_id}")).status_code == 204
    assert (await alice.get(f"{base}/questions")).json()["total"] == 1
    await alice.delete(f"/api/documents/{other_id}")
    assert (await alice.get(f"{base}/questions")).json()["total"] == 0
    assert (await alice.post(f"{base}/evaluations", json={})).status_code == 409


async def test_a_question_goes_with_its_documents_also_where_these_go_at_once(
    api: Api, tmp_path: Path
) -> None:
    alice, base, doc_id = await _measured(api, tmp_path)
    other = factories.pdf(tmp_path / "other.pdf", "Moles dig at noon.")
    other_id = await api.upload(alice, other, int(base.rsplit("/", 1)[1]))
    both = {"question": "Who digs?", "places": [{"doc_id": doc_id}, {"doc_id": other_id}]}
    assert (await alice.post(f"{base}/questions", json={"questions": [both]})).status_code == 201
    removal = delete(Document).where(Document.id == other_id)

    async def remove_other() -> None:
        async with api.runtime.sessions.begin() as session:
            await session.execute(removal)

    async with api.runtime.sessions.begin() as session:
        await session.execute(delete(Document).where(Document.id == doc_id))
        second = asyncio.create_task(remove_other())
        # It waits for this transaction, or is done with it undone.
        await asyncio.wait({second}, timeout=1)
    await second
    assert (await alice.get(f"{base}/questions")).json()["total"] == 0


async def test_a_place_is_in_a_document_of_the_namespace(api: Api, tmp_path: Path) -> None:
    alice, _, doc_id = await _measured(api, tmp_path)
    elsewhere = await api.namespace(alice)
    body = {"questions": [{"question": "Why?", "places": [{"doc_id": doc_id}]}]}
    refused = await alice.post(f"/api/namespaces/{elsewhere}/questions", json=body)
    assert refused.status_code == 422
    assert "not in this namespace" in refused.json()["detail"]


async def test_ones_own_verdicts_become_candidates_and_nobody_elses(api: Api, tmp_path: Path) -> None:
    alice, base, doc_id = await _measured(api, tmp_path)
    namespace_id = int(base.rsplit("/", 1)[1])
    chat = (await alice.post("/api/chats", json={"namespace_id": namespace_id})).json()["id"]
    text = (await alice.get(f"/api/documents/{doc_id}/passages")).json()["items"][0]["text"][:150]
    exchange = (await alice.post(f"/api/chats/{chat}/messages", json={"content": text})).json()
    answer = exchange["llm_message"]["id"]
    assert (await alice.get(f"{base}/questions/candidates")).json()["total"] == 0
    await alice.put(f"/api/messages/{answer}/feedback", json={"rating": 1, "comment": "Right."})
    found = (await alice.get(f"{base}/questions/candidates")).json()
    assert found["total"] == 1
    candidate = found["items"][0]
    assert (candidate["question"], candidate["rating"], candidate["comment"]) == (text, 1, "Right.")
    cited = [(c["doc_id"], c["page"], c["quote"]) for c in exchange["llm_message"]["citations"]]
    assert cited
    assert [(p["doc_id"], p["page"], p["quote"]) for p in candidate["places"]] == cited
    admin = await api.admin()
    assert (await admin.get(f"{base}/questions/candidates")).json() == {"items": [], "total": 0}
    question = {"question": candidate["question"], "places": candidate["places"]}
    assert (await alice.post(f"{base}/questions", json={"questions": [question]})).status_code == 201
