"""What is to be done, from files, items and hashes."""

from luma_rag.sync.plan import SET_ASIDE, Item, Plan, plan, sort, to_hash
from luma_rag.sync.sources import Entry, Left


def item(path: str, content: str, doc_id: int | None = None, *, is_held: bool = True) -> Item:
    """A file as it was read: `content` is its hash, and the first letter of its path its document."""
    doc_id = ord(path[0]) if doc_id is None else doc_id
    return Item(path, len(content), f"time of {content}", content, doc_id, True, None, is_held)


def entry(path: str, content: str, stamp: str | None = None) -> Entry:
    return Entry(path, len(content), stamp or f"time of {content}")


def planned(entries: dict[str, str], *known: Item, failed: tuple[str, ...] = ()) -> Plan:
    """The plan for files by path, with their content."""
    items = {one.path: one for one in known}
    files = [entry(path, content) for path, content in entries.items()]
    found = sort(files, items, [Left(path, "") for path in failed])
    hashes = {one.path: entries[one.path] for one in to_hash(found, items)}
    return plan(found, items, hashes)


def pairs(found: list[tuple[Entry, Item]]) -> set[tuple[str, str]]:
    return {(one.path, other.path) for one, other in found}


def test_what_is_the_same_by_size_and_time_is_not_opened() -> None:
    items = {"a": item("a", "one"), "b": item("b", "two")}
    found = sort([entry("a", "one"), entry("b", "two", "another time")], items, [])
    assert ([one.path for one in found.unchanged], [one.path for one in found.to_open]) == (["a"], ["b"])
    touched = plan(found, items, {"b": "two"})
    assert pairs(touched.touched) == {("b", "b")}
    assert (touched.changed, touched.new, touched.moved) == ([], [], [])


def test_a_changed_file_and_a_new_one() -> None:
    found = planned({"a": "changed", "b": "new!"}, item("a", "one"))
    assert pairs(found.changed) == {("a", "a")}
    assert [one.path for one in found.new] == ["b"]


def test_new_files_of_another_size_are_not_hashed() -> None:
    items = {"a": item("a", "one")}
    found = sort([entry("b", "longer"), entry("c", "two")], items, [])
    assert [one.path for one in to_hash(found, items)] == ["c"]


def test_a_moved_file_is_known_by_its_content() -> None:
    found = planned({"new/b": "one"}, item("a", "one"))
    assert pairs(found.moved) == {("new/b", "a")}
    assert (found.gone, found.new, found.displaced) == ([], [], [])


def test_of_the_same_content_the_same_name_is_preferred() -> None:
    known = (item("x/a", "one", 1), item("x/b", "one", 1))
    found = planned({"y/b": "one", "y/a": "one"}, *known)
    assert pairs(found.moved) == {("y/b", "x/b"), ("y/a", "x/a")}


def test_files_that_swap_their_names_keep_their_documents() -> None:
    found = planned({"a": "two!", "b": "one"}, item("a", "one"), item("b", "two!"))
    assert pairs(found.moved) == {("a", "b"), ("b", "a")}
    assert (found.changed, found.displaced, found.gone) == ([], [], [])


def test_a_chain_of_renamed_files() -> None:
    found = planned({"b": "one", "c": "two!"}, item("a", "one"), item("b", "two!"))
    assert pairs(found.moved) == {("b", "a"), ("c", "b")}
    assert (found.changed, found.displaced, found.gone) == ([], [], [])


def test_a_file_moved_over_another_displaces_it() -> None:
    found = planned({"b": "one"}, item("a", "one"), item("b", "two!"))
    assert pairs(found.moved) == {("b", "a")}
    assert [one.path for one in found.displaced] == ["b"]


def test_a_copy_is_no_move() -> None:
    found = planned({"a": "one", "b": "one"}, item("a", "one"))
    assert (found.moved, [one.path for one in found.new]) == ([], ["b"])


def test_a_document_that_was_taken_out_comes_back() -> None:
    found = planned({"a": "one"}, item("a", "one", is_held=False))
    assert [one.path for one in found.new] == ["a"]


def test_what_could_not_be_listed_is_not_gone() -> None:
    known = (item("closed/a", "one"), item("closed-b", "two"), item("c", "three"))
    found = planned({}, *known, failed=("closed",))
    assert {one.path for one in found.gone} == {"closed-b", "c"}
    assert planned({}, *known, failed=("",)).gone == []


def test_what_an_earlier_run_set_aside_leaves_or_is_taken_up_again() -> None:
    aside = Item("a//7", SET_ASIDE, "", "one", 7, True, None, True)
    found = planned({"a": "two"}, item("a", "two"), aside)
    assert ([one.path for one in found.set_aside], found.gone) == (["a//7"], [])
