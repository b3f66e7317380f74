from luma_rag.evaluation.judging import rank
from luma_rag.evaluation.questions import Place, Question
from luma_rag.retrieval.hits import Hit

NAMES = {1: frozenset({"contract.pdf", "The contract"}), 2: frozenset({"manual.pdf"})}


def hit(vec_id: int, doc_id: int, page: int | None = None, text: str = "some words") -> Hit:
    return Hit(str(vec_id), doc_id, "a title", page, None, text, 0.5, vec_id)


def units(places: list[Place], hits: list[Hit]) -> list[str]:
    return rank(Question("q", "Why?", tuple(places)), hits, NAMES, 1.0).units


def test_a_page_counts_only_in_its_document() -> None:
    hits = [hit(1, 2, page=3), hit(2, 1, page=4), hit(3, 1, page=3)]
    assert units([Place("contract.pdf", page=3)], hits) == ["passage 1", "passage 2", "place 0"]


def test_a_place_counts_once() -> None:
    hits = [hit(1, 1, page=3), hit(2, 1, page=3), hit(3, 2)]
    assert units([Place("The contract", page=3)], hits) == ["place 0", "passage 3"]


def test_documents_count_once_where_documents_are_asked_for() -> None:
    hits = [hit(1, 2), hit(2, 2), hit(3, 1)]
    assert units([Place("1")], hits) == ["document 2", "place 0"]


def test_a_quote_is_found_in_a_passage_that_cuts_it() -> None:
    place = Place("contract.pdf", quote="The notice period is three months to the end of a quarter.")
    inside = hit(1, 1, text="of the parties. The notice period is three months to the end")
    elsewhere = hit(2, 1, text="The seller is liable for what the buyer pays in the end.")
    assert units([place], [elsewhere, inside]) == ["passage 2", "place 0"]


def test_several_places_of_an_answer_are_all_wanted() -> None:
    ranking = rank(
        Question("q", "Why?", (Place("contract.pdf", page=1), Place("manual.pdf", page=2, grade=2))),
        [hit(1, 2, page=2)],
        NAMES,
        1.0,
    )
    assert ranking.units == ["place 1"]
    assert ranking.grades == {"place 0": 1, "place 1": 2}
