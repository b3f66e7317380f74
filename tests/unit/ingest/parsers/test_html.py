"""Web pages."""

from collections.abc import Callable

import pytest

from ingest.errors import NoTextError
from ingest.types import ParsedDocument

Read = Callable[[str, bytes | str], ParsedDocument]


def lines(document: ParsedDocument) -> list[str]:
    return "\n".join(passage.text for passage in document.passages).split("\n")


def body(read: Read, html: str) -> list[str]:
    return lines(read("a.html", f"<!doctype html><html><body>{html}</body></html>"))


def test_headings_and_title(read: Read) -> None:
    document = read(
        "a.html",
        "<!doctype html><title>Ferry dues</title><h1>Dues</h1><p>One.<h2>Ports <i>north</i></h2>"
        "Two.<h1>End</h1>x",
    )
    assert document.title == "Ferry dues"
    assert [(passage.heading, passage.text.split("\n")[-1]) for passage in document.passages] == [
        ("Dues", "One."),
        ("Dues > Ports north", "Two."),
        ("End", "x"),
    ]


def test_what_is_not_shown_is_left_out(read: Read) -> None:
    shown = body(
        read,
        "<script>a()</script><style>p{}</style><noscript>b</noscript><template>c</template><!-- d -->"
        '<p hidden>e</p><p style="display: none">f</p><div aria-hidden="true">g<p>h</p></div>'
        "<nav><ul><li>Home</ul></nav><div role=navigation>Menu</div><select><option>i</select>"
        "<svg><title>j</title></svg><p>Shown<p>Also",
    )
    assert shown == ["Shown", "Also"]


def test_page_of_nothing_but_navigation_is_read(read: Read) -> None:
    assert body(read, "<nav><a>Dues of the ports</a></nav>") == ["Dues of the ports"]


def test_text(read: Read) -> None:
    assert body(
        read,
        "<p>  One\n line &amp; caf&eacute;<br>next<p>$320<sup>1</sup>, 10<sup>5</sup> <s>old</s>"
        '<img alt="A map of all ports"><img alt="logo.png"><pre>a  b\n  c</pre>last',
    ) == ["One line & café", "next", "$320[1], 10^5 ~~old~~[A map of all ports]", "a  b", "  c", "last"]


def test_lists(read: Read) -> None:
    assert body(read, "<ul><li>a<ol start=3><li>b<li><p>c</p></ol><li>d</ul><p>e") == [
        "- a",
        "  3. b",
        "  4. c",
        "- d",
        "e",
    ]


def test_table(read: Read) -> None:
    document = read(
        "a.html",
        "<!doctype html><table><caption>Dues</caption><thead><tr><th rowspan=2>Port<th colspan=2>"
        "Dues<tr><th>2025"
        "<th>2026</thead><tr><td rowspan=2>Bodo<td>13<td>14<tr><td><td>15<br>(new)</table>After",
    )
    (passage,) = document.passages
    assert passage.text.split("\n") == [
        "Dues",
        "Port | Dues | Dues",
        "Port | 2025 | 2026",
        "Bodo | 13 | 14",
        "Bodo |  | 15; (new)",
        "After",
    ]
    assert passage.tables[0].header == "Dues > Port | Dues > 2025 | 2026"


def test_table_that_lays_out_a_page(read: Read) -> None:
    document = read(
        "a.html",
        "<!doctype html><table><tr><td><h1>Dues</h1><p>They rise.<td><table><tr><th>Port<th>Dues"
        "<tr><td>Bodo<td>14"
        "</table></table>",
    )
    assert lines(document) == ["Dues", "They rise.", "Port | Dues", "Bodo | 14"]
    assert document.passages[0].heading == "Dues"
    assert document.passages[0].tables[0].header == "Port | Dues"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="shift_jis">', "shift_jis"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=x-sjis">', "shift_jis"),
        ("", "utf-8"),
        ('<meta charset="iso-8859-1">', "utf-8"),
        ("", "utf-16"),
        ('<meta charset="utf-16">', "utf-8"),
        ('<?xml version="1.0" encoding="euc-jp"?>', "euc_jp"),
    ],
)
def test_encoding(read: Read, head: str, encoding: str) -> None:
    page = (
        f"{head if head.startswith('<?') else ''}<html>{'' if head.startswith('<?') else head}<p>会費は十四"
    )
    assert lines(read("a.html", page.encode(encoding))) == ["会費は十四"]


def test_declared_encoding_of_western_text(read: Read) -> None:
    page = '<html><meta charset="iso-8859-1"><p>Fee: 14 \u20ac, \u201cgr\xf6\xdfer\u201d'
    assert lines(read("a.html", page.encode("cp1252"))) == ["Fee: 14 €, \u201cgrößer\u201d"]


def test_saved_page_with_its_pictures(read: Read) -> None:
    mhtml = (
        "From: <Saved by Blink>\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<html><h1>D=C3=BCes</h1><p>14 crowns</html>\r\n--b\r\nContent-Type: "
        "image/png\r\n\r\n???\r\n--b--\r\n"
    )
    assert lines(read("a.mht", mhtml)) == ["Dües", "14 crowns"]


@pytest.mark.parametrize("tag", ["div", "blockquote", "table><tr><td", "ul><li", "sup", "nav", "foo"])
def test_deep_nesting_loses_nothing(read: Read, tag: str) -> None:
    document = read("a.html", "<!doctype html>" + f"<{tag}>" * 20_000 + "deep words")
    assert "deep words" in lines(document)[-1]


def test_entities_are_harmless(read: Read) -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    page = (
        f'<!DOCTYPE html [<!ENTITY e0 "ha"><!ENTITY x SYSTEM "file:///etc/passwd">{bomb}]><p>&e11; &x; words'
    )
    text = "\n".join(lines(read("a.html", page)))
    assert "words" in text
    assert "root:" not in text
    assert len(text) < 2000


def test_huge_spans_are_limited(read: Read) -> None:
    cells = "<td colspan=1000000000 rowspan=1000000000>x" * 50
    document = read("a.html", f"<!doctype html><table>{f'<tr>{cells}' * 50}</table>words")
    assert sum(len(line) for line in lines(document)) < 2_000_000


def test_page_without_text(read: Read) -> None:
    with pytest.raises(NoTextError):
        read("a.html", "<!doctype html><script>x</script>")
