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
def test_only_the_message_of_a_json_error_is_reported(body: object, expected: str) -> None:
    assert said(json.dumps(body).encode(), "") == expected


def test_other_error_text_is_reported_without_markup_or_key() -> None:
    assert said(b"<html><h1>502 Bad Gateway</h1> key-1</html>", "key-1") == "502 Bad Gateway ***"
