"""Charts and SmartArt, whose text is in parts of their own."""

from collections.abc import Iterator

from lxml import etree

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.docx.names import a, c, dgm
from ingest.parsers.tables import as_lines

_INDENT = "  "
_MOST_POINTS = 10_000
_NEW = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"


def chart_blocks(root: etree._Element) -> Iterator[Block]:
    """The titles of a chart, and its values as a table: a row for each category, a column for each series."""
    titles = [
        one_line("".join(title.itertext(a("t"), c("v"), with_tail=False))) for title in root.iter(c("title"))
    ]
    if text := "\n".join(filter(None, titles)):
        yield Block(text)
    series = [_series(element) for element in root.iter(c("ser"))]
    rows = [["", *(name for name, _, _ in series)]]
    # Series can differ in their categories, and two categories can have one name.
    by_category = [
        {(at, names.get(at, at)): value for at, value in values.items()} for _, names, values in series
    ]
    for category in dict.fromkeys(category for values in by_category for category in values):
        rows.append([category[1], *(values.get(category, "") for values in by_category)])
    if len(rows) > 1:
        yield as_lines(rows)
    if not series and not titles:
        # Charts that Excel 2016 added, such as waterfalls.
        words = (one_line(text) for text in root.itertext(f"{_NEW}v", f"{_NEW}pt", a("t"), with_tail=False))
        if text := " | ".join(filter(None, words)):
            yield Block(text)


def diagram_block(root: etree._Element) -> Block | None:
    """The texts of a SmartArt as a list, each under the one it belongs to."""
    texts: dict[str, str] = {}
    tops: list[str] = []
    for point in root.iter(dgm("pt")):
        name, kind = point.get("modelId", ""), point.get("type", "node")
        if kind == "doc":
            tops.append(name)
        if kind in ("node", "asst"):
            lines = ("".join(line.itertext(a("t"), with_tail=False)) for line in point.iter(a("p")))
            texts[name] = one_line(" ".join(lines))
    children: dict[str, list[tuple[int, str]]] = {}
    for link in root.iter(dgm("cxn")):
        if link.get("type", "parOf") == "parOf":
            order = link.get("srcOrd", "0")
            place = int(order) if order.isdecimal() else 0
            children.setdefault(link.get("srcId", ""), []).append((place, link.get("destId", "")))
    items: list[str] = []
    seen = set()
    # Texts that nothing leads to come last.
    waiting = [(name, 0) for name in [*reversed(texts), *reversed(tops)]]
    while waiting:
        name, depth = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if texts.get(name):
            items.append(f"{_INDENT * depth}- {texts[name]}")
        below = depth + 1 if name in texts else depth
        waiting += [(child, below) for _, child in sorted(children.get(name, []), reverse=True)]
    return Block("\n".join(items)) if items else None


def _series(element: etree._Element) -> tuple[str, dict[str, str], dict[str, str]]:
    """The name of a series, its categories and its values, both by their places."""
    name = element.find(c("tx"))
    names = _points(element, "cat", "xVal")
    # Bubbles have a size as well.
    values = _points(element, "val", "yVal")
    sizes = _points(element, "bubbleSize")
    for at, size in sizes.items():
        values[at] = f"{values.get(at, '')} ({size})"
    return "" if name is None else one_line(" ".join(name.itertext(c("v"), with_tail=False))), names, values


def _points(series: etree._Element, *kinds: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for kind in kinds:
        for element in series.iterfind(c(kind)):
            for point in element.iter(c("pt")):
                if len(found) < _MOST_POINTS:
                    # Categories of several levels give a place more than one name; the outermost is last.
                    value = "".join(point.itertext(c("v"), with_tail=False))
                    found.setdefault(point.get("idx", ""), []).insert(0, _rounded(one_line(value)))
    return {at: " ".join(values) for at, values in found.items()}


def _rounded(value: str) -> str:
    """`value` without the rounding error of a program: 12.2 for 12.199999999999999."""
    if len(value) < 12 or not value.replace(".", "").replace("-", "").isdecimal():
        return value
    return f"{float(value):.12g}"
