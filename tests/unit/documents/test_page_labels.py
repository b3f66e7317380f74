import pytest

from ingest.types import Passage
from luma_rag.documents.page_labels import changes, label_of


@pytest.mark.parametrize(
    ("labels", "stored"),
    [
        ([None, None, None], {}),
        (["i", "ii", "1", "2", "3"], {"1": "i", "2": "ii", "3": "1"}),
        (["101", "102", "103"], {"1": "101"}),
        ([None, "A-1", None, "7", "8"], {"2": "A-1", "4": "7"}),
        (["007", "008"], {"1": "007", "2": "008"}),
        (["5", "2", "3"], {"1": "5", "2": "2"}),
    ],
)
def test_labels_come_back(labels: list[str | None], stored: dict[str, str]) -> None:
    passages = [
        Passage("Text.", page=page, label=None if label == str(page) else label)
        for page, label in enumerate(labels, 1)
    ]
    assert changes(passages) == stored
    assert [label_of(passage.page, stored) for passage in passages] == [passage.label for passage in passages]


def test_pages_without_labels() -> None:
    assert label_of(None, {"1": "i"}) is None
    assert label_of(3, None) is None
    assert changes([Passage("Text.", label="i")]) == {}
