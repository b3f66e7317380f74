"""Measuring retrieval with the question set of a namespace. All of it needs level 2 there."""

from collections.abc import Sequence

import msgspec

from luma_client._sync.connection import Connection
from luma_client.evaluation import Candidate, Comparison, FullRun, KnownQuestion, NewQuestion
from luma_client.types import Mode, Page


class Evaluation(Connection):
    """The calls on question sets and evaluations."""

    def questions(self, namespace_id: int) -> list[KnownQuestion]:
        """The question set of a namespace."""
        return self._all(f"/api/namespaces/{namespace_id}/questions", Page[KnownQuestion])

    def add_questions(self, namespace_id: int, questions: Sequence[NewQuestion]) -> list[KnownQuestion]:
        """Add up to 1,000 questions to the question set."""
        body = {"questions": [msgspec.to_builtins(question) for question in questions]}
        path = f"/api/namespaces/{namespace_id}/questions"
        return self._send("POST", path, Page[KnownQuestion], json=body).items

    def candidates(self, namespace_id: int) -> list[Candidate]:
        """The caller's questions in chats whose answers the caller rated."""
        return self._all(f"/api/namespaces/{namespace_id}/questions/candidates", Page[Candidate])

    def evaluate(
        self,
        namespace_id: int,
        *,
        mode: Mode = "hybrid",
        k: int = 100,
        rerank: bool | None = None,
        user_id: int | None = None,
    ) -> FullRun:
        """Search for every question of the set and measure the results.

        With `user_id`, the searches have the rights of that user, which needs level 3.
        """
        body = {"mode": mode, "k": k, "rerank": rerank, "user_id": user_id}
        return self._send("POST", f"/api/namespaces/{namespace_id}/evaluations", FullRun, json=body)

    def compare(self, namespace_id: int, first: FullRun, second: FullRun) -> Comparison:
        """How the second evaluation differs from the first."""
        path = f"/api/namespaces/{namespace_id}/evaluations/{first.id}/compare/{second.id}"
        return self._send("GET", path, Comparison)
