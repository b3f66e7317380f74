"""Pages of the list of a namespace, which are put together from what it holds and what is coming."""

from typing import get_args

import pytest
from sqlalchemy import text

from luma_rag.access import Principal
from luma_rag.documents import namespace_listing
from luma_rag.documents.listing import Listing, Sort
from luma_rag.documents.namespace_listing import NamespaceDocument
from luma_rag.pagination import Pagination
from luma_rag.runtime import Store

OWNER, READER = Principal(1, "user"), Principal(2, "user")
# Every third document is coming, every sixth has failed; every fourth has no date, every fifth no pages.
_FILL = (
    "INSERT INTO users (username, email, password, role) VALUES ('ann', 'a@example.com', '-', 'user'), "
    "('bob', 'b@example.com', '-', 'user')",
    "INSERT INTO namespace (user_id, name) VALUES (1, 'here'), (1, 'elsewhere')",
    "INSERT INTO namespace_auth (namespace_id, user_id, auth_level) VALUES (1, 2, 1)",
    """
    INSERT INTO document (user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
    SELECT 1, chr(65 + n * 7 % 26) || n, 'none', jsonb_build_object('sha256', n::text, 'size', n * 11 % 17)
        || CASE WHEN n % 5 = 0 THEN '{}' ELSE jsonb_build_object('pages', n % 4) END,
      'pdf', false, '2026-01-01'::timestamp + n * 13 % 23 * interval '1 day'
    FROM generate_series(1, 24) n
    """,
    """
    INSERT INTO placement (doc_id, namespace_id, user_id, placed_at)
    SELECT id, CASE WHEN id <= 20 THEN 1 ELSE 2 END, 1,
      CASE WHEN id % 4 > 0 THEN '2026-01-10'::timestamp + id % 6 * interval '1 day' END
    FROM document
    """,
    "INSERT INTO namespace_doc (namespace_id, doc_id, vec_id) "
    "SELECT namespace_id, doc_id, '{}' FROM placement WHERE doc_id % 3 > 0",
    """
    INSERT INTO ingestion (doc_id, namespace_id, state, error, created_at, updated_at)
    SELECT doc_id, namespace_id,
      CASE WHEN doc_id % 6 = 0 THEN 'failed' WHEN doc_id % 3 = 0 THEN 'queued' ELSE 'ready' END,
      CASE WHEN doc_id % 6 = 0 THEN 'It is damaged.' END, now(), now()
    FROM placement
    """,
    # One was read again, and failed before that.
    "INSERT INTO ingestion (doc_id, namespace_id, state, created_at, updated_at) "
    "VALUES (1, 1, 'queued', now(), now())",
)


@pytest.fixture
async def filled(store: Store) -> Store:
    async with store.sessions.begin() as session:
        for statement in _FILL:
            await session.execute(text(statement))
    return store


async def pages_of(
    store: Store, principal: Principal, listing: Listing, size: int
) -> tuple[list[NamespaceDocument], set[int]]:
    """The documents of all pages, and the totals that they name."""
    items: list[NamespaceDocument] = []
    totals = set()
    async with store.sessions.begin() as session:
        while True:
            page = await namespace_listing.documents_of(
                session, principal, 1, Pagination(size, len(items)), listing
            )
            totals.add(page.total)
            if not page.items:
                return items, totals
            items += page.items


@pytest.mark.parametrize("sort", get_args(Sort))
async def test_pages_in_every_order_are_the_whole_list(filled: Store, sort: Sort) -> None:
    found, totals = await pages_of(filled, OWNER, Listing(sort=sort), 3)
    assert sorted(item.id for item in found) == list(range(1, 21))
    assert totals == {20}
    is_descending = sort.startswith("-")

    def key(item: NamespaceDocument) -> tuple[object, ...]:
        values = {
            "added": item.added_at or item.uploaded_at,
            "title": item.title.lower(),
            "pages": item.pages,
            "size": item.size,
        }
        return values[sort.removeprefix("-")], item.id

    missing = [item for item in found if key(item)[0] is None]
    known = [item for item in found if key(item)[0] is not None]
    assert found == [*known, *missing]
    assert known == sorted(known, key=key, reverse=is_descending)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("failed", {6, 12, 18}),
        ("pending", {1, 3, 9, 15}),
        ("ready", {2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20}),
    ],
)
async def test_states_are_those_of_the_latest_ingestion(
    filled: Store, state: namespace_listing.StateHere, expected: set[int]
) -> None:
    found, totals = await pages_of(filled, OWNER, Listing(state=state), 2)
    assert {item.id for item in found} == expected
    assert {item.state for item in found} == {state}
    assert totals == {len(expected)}


async def test_text_narrows_all_parts(filled: Store) -> None:
    found, totals = await pages_of(filled, OWNER, Listing(containing="1", sort="title"), 2)
    expected = {number for number in range(1, 21) if "1" in str(number)}
    assert {item.id for item in found} == expected
    assert totals == {len(expected)}


async def test_readers_see_what_the_namespace_holds_and_not_what_is_coming(filled: Store) -> None:
    found, totals = await pages_of(filled, READER, Listing(), 4)
    assert {item.id for item in found} == {number for number in range(1, 21) if number % 3}
    assert totals == {14}
