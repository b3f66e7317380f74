from luma_rag.chat.evidence import used
from luma_rag.retrieval.hits import ScoredChunk

LEAVE = "Leave is 28 days a year. It is requested in writing. The notice period is three months."
NOTICE = "Notice is given in writing. Leave that remains is paid."


def hit(rank: int, text: str) -> ScoredChunk:
    return ScoredChunk(f"v{rank}", rank, "a title", 1, None, text, 0.5, rank, 0.5, None, 0, 0)


def test_quote_supports_what_is_said_where_it_is_cited() -> None:
    hits = [hit(1, LEAVE), hit(2, NOTICE)]
    answer = "The notice period is three months [1].\n\nWhat remains of the leave is paid [2]."
    assert [citation.quote for citation in used(answer, hits)] == [
        "The notice period is three months.",
        "Leave that remains is paid.",
    ]


def test_citation_that_stands_alone_is_quoted_for_the_whole_answer() -> None:
    (citation,) = used("The notice period is three months.\n\n[1]", [hit(1, LEAVE)])
    assert citation.quote == "The notice period is three months."
