"""What the list of chats and their messages say for a page that is loaded again."""

from sqlalchemy import text

from luma_rag.runtime import Runtime
from tests.integration.http.test_turns import Service, service

__all__ = ["service"]


async def test_last_activity_and_running_turns(service: Service, runtime: Runtime) -> None:
    (chat,) = (await service.alice.get("/api/chats")).json()["items"]
    assert chat["last_activity_at"] == chat["started_at"]
    assert (chat["is_running"], chat["snippet"]) == (False, None)
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    (chat,) = (await service.alice.get("/api/chats")).json()["items"]
    assert chat["is_running"] is True
    assert chat["last_activity_at"] == (await service.messages())[-1]["time_sent"]
    assert (await service.alice.get(f"/api/chats/{service.chat}")).json() == chat
    service.says.say("Why?", "it is.", None)
    await asked
    assert (await service.alice.get("/api/chats")).json()["items"][0]["is_running"] is False
    # A process that has died writes nothing.
    async with runtime.sessions.begin() as session:
        await session.execute(text("UPDATE turn SET state = 'running', process = 7"))
    assert (await service.alice.get("/api/chats")).json()["items"][0]["is_running"] is False


async def test_snippets_of_a_search(service: Service) -> None:
    async def snippet(q: str) -> str | None:
        (chat,) = (await service.alice.get("/api/chats", params={"q": q})).json()["items"]
        found: str | None = chat["snippet"]
        return found

    await service.answered(
        "How long is it?", "Some words. " * 20 + "The NOTICE\nperiod is long. " + "x " * 200
    )
    assert await snippet("how") == "How long is it?"
    found = await snippet("notice")
    assert found is not None
    assert found.startswith("…")
    assert "Some words. The NOTICE period is long. x x" in found
    assert found.endswith("x…")
    assert len(found) <= 202
    await service.alice.patch(f"/api/chats/{service.chat}", json={"title": "Leave"})
    assert await snippet("leave") is None


async def test_messages_have_the_feedback_of_their_reader(service: Service) -> None:
    answer = (await service.answered("Why?", "Because it is."))["llm_message"]
    assert answer["feedback"] is None
    given = {"rating": -1, "comment": "No."}
    await service.alice.put(f"/api/messages/{answer['id']}/feedback", json=given)
    question, answer = await service.messages()
    assert question["feedback"] is None
    assert answer["feedback"] == {"message_id": answer["id"], **given}
