import json

import pytest

from tests.browser import Page

READ = """
    const events = [];
    const pieces = new ReadableStream({
        start(controller) { for (const piece of a[0]) controller.enqueue(piece); controller.close(); },
    });
    for await (const event of m.parseEvents(pieces)) events.push(event);
    return events;
"""
EVENTS = [
    {"event": "delta", "data": {"text": "a\nb: c"}},
    {"event": "message", "data": [1, 2]},
    {"event": "error", "data": {"detail": "ü"}},
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_events_are_parsed_at_any_chunk_boundary(modules: Page, line_end: str) -> None:
    lines = [
        ": keep-alive",
        "",
        "event: delta",
        f"data: {json.dumps(EVENTS[0]['data'])}",
        "",
        "data: [1,",
        "data: 2]",
        "",
        "event:error",
        f"data:{json.dumps(EVENTS[2]['data'])}",
        "",
        "",
    ]
    text = line_end.join(lines)
    cuts = [[text[:i], text[i:]] for i in range(len(text))] + [list(text)]
    read_all = f"return Promise.all(a[0].map((cut) => (async (a) => {{ {READ} }})([cut])));"
    assert modules.module("core/event-stream.js", read_all, cuts) == [EVENTS] * len(cuts)


def test_incomplete_event_is_ignored(modules: Page) -> None:
    assert modules.module("core/event-stream.js", READ, ["event: delta\ndata: {}\n"]) == []
