import json

import pytest

from luma_rag.llm.server_errors import said

SENT = "a passage of a contract"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "The model is loading."}}, "The model is loading."),
        ({"error": "The model is loading."}, "The model is loading."),
        ({"detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"loc": ["body", "model"], "msg": "Field required", "input": {"query": SENT}}]},
            "Field required",
        ),
        ({"detail": [{"loc": ["body"], "input": SENT}]}, ""),
        ({"error": {"code": 7, "documents": [SENT]}}, ""),
        ({"documents": [SENT]}, ""),
        ([SENT], ""),
    ],
)
def test_of_json_only_the_message_is_passed_on(body: object, expected: str) -> None:
    assert said(json.dumps(body).encode(), "") == expected


def test_other_text_is_passed_on_without_marks_and_the_key() -> None:
    assert said(b"<html><h1>502 Bad Gateway</h1> key-1</html>", "key-1") == "502 Bad Gateway ***"
