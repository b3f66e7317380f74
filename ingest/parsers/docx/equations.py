"""Equations (Office Math, ECMA-376 part 1, 22.1) as text on one line: `(a+b)/c`, `√(b-4c)`, `∑_(i=1)^n x`."""

from lxml import etree

from ingest.parsers.docx.names import m, w
from ingest.parsers.docx.symbols import symbol

_VALUE = m("val")
_LEFT_OUT = frozenset({w("del"), w("moveFrom"), w("rPr"), w("delText"), w("instrText")})
_N_ARY = "\u222b"  # an integral, where no other sign is given
_ACCENT = "\u0302"
_BAR_BELOW, _BAR_ABOVE = "\u0332", "\u0305"
_CLOSED = {"(": ")", "[": "]"}


def linear(equation: etree._Element) -> str:
    """An equation as text on one line, with brackets where lines and raised letters stood for them."""
    text = ""
    for element in equation:
        written = _written(element)
        # The name of a function must not join the letter before it: "a_n cos x".
        text += f" {written}" if element.tag == m("func") and text[-1:].isalnum() else written
    return text


def _written(element: etree._Element) -> str:
    tag = element.tag
    if tag in (m("t"), w("t")):
        return element.text or ""
    if tag == w("sym"):
        return symbol(element.get(w("font"), ""), element.get(w("char"), ""))
    if tag in _FORMS:
        return _FORMS[tag](element)
    if not isinstance(tag, str) or tag in _LEFT_OUT or tag.endswith("Pr"):
        return ""
    return linear(element)


def _part(element: etree._Element, name: str) -> str:
    part = element.find(m(name))
    return "" if part is None else linear(part).strip()


def _grouped(text: str) -> str:
    """`text` in brackets, unless it is one sign, number or name, or has them already."""
    is_one = len(text) < 2 or text.isalpha() or text.replace(".", "").isdecimal()
    return text if is_one or _bracketed(text) else f"({text})"


def _bracketed(text: str) -> bool:
    if text[0] not in "([" or text[-1] != _CLOSED[text[0]]:
        return False
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return at == len(text) - 1
    return False


def _setting(element: etree._Element, name: str, default: str) -> str:
    properties = element.find(f"{element.tag}Pr")
    setting = None if properties is None else properties.find(m(name))
    # An element without a value means no character at all.
    return default if setting is None else setting.get(_VALUE, "")


def _is_on(element: etree._Element, name: str) -> bool:
    return _setting(element, name, "0").lower() not in ("0", "false", "off")


def _fraction(element: etree._Element) -> str:
    above, below = _grouped(_part(element, "num")), _grouped(_part(element, "den"))
    if _setting(element, "type", "bar") == "noBar":
        # Binomial coefficients.
        return f"({above} over {below})"
    return "/".join(filter(None, (above, below)))


def _scripts(element: etree._Element) -> str:
    base, below, above = _grouped(_part(element, "e")), _part(element, "sub"), _part(element, "sup")
    return base + (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")


def _scripts_before(element: etree._Element) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    before = (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")
    return f"{before} {_grouped(_part(element, 'e'))}" if before else _part(element, "e")


def _root(element: etree._Element) -> str:
    degree = "" if _is_on(element, "degHide") else _part(element, "deg")
    inside = _grouped(_part(element, "e"))
    return f"√{inside}" if degree in ("", "2") else f"root({degree}, {inside})"


def _n_ary(element: etree._Element) -> str:
    """A sum, product or integral with its limits."""
    sign = _setting(element, "chr", _N_ARY)
    below = "" if _is_on(element, "subHide") else _part(element, "sub")
    above = "" if _is_on(element, "supHide") else _part(element, "sup")
    limits = (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")
    body = _part(element, "e")
    return f"{sign}{limits} {body}" if body else f"{sign}{limits}"


def _delimited(element: etree._Element) -> str:
    opening = _setting(element, "begChr", "(")
    closing = _setting(element, "endChr", ")")
    separator = _setting(element, "sepChr", "|")
    inside = separator.join(linear(part).strip() for part in element.iterfind(m("e")))
    if inside and _bracketed(inside) and inside[0] == opening:
        return inside
    return f"{opening}{inside}{closing}"


def _matrix(element: etree._Element) -> str:
    rows = (
        ", ".join(linear(cell).strip() for cell in row.iterfind(m("e"))) for row in element.iterfind(m("mr"))
    )
    return f"[{'; '.join(rows)}]"


def _lines(element: etree._Element) -> str:
    """Equations below each other, as after a brace."""
    return "; ".join(filter(None, (linear(line).strip() for line in element.iterfind(m("e")))))


def _function(element: etree._Element) -> str:
    name, argument = _part(element, "fName"), _part(element, "e")
    return f"{name}{argument}" if argument[:1] in ("(", "[") else f"{name} {argument}"


def _limit_below(element: etree._Element) -> str:
    return f"{_part(element, 'e')}_{_grouped(_part(element, 'lim'))}"


def _limit_above(element: etree._Element) -> str:
    return f"{_part(element, 'e')}^{_grouped(_part(element, 'lim'))}"


def _accent(element: etree._Element) -> str:
    return _marked(_part(element, "e"), _setting(element, "chr", _ACCENT))


def _bar(element: etree._Element) -> str:
    mark = _BAR_ABOVE if _setting(element, "pos", "bot") == "top" else _BAR_BELOW
    return _marked(_part(element, "e"), mark)


def _marked(text: str, mark: str) -> str:
    # A combining character marks one letter.
    return text + mark if len(text) == 1 else _grouped(text) + mark


_FORMS = {
    m("f"): _fraction,
    m("sSup"): _scripts,
    m("sSub"): _scripts,
    m("sSubSup"): _scripts,
    m("sPre"): _scripts_before,
    m("rad"): _root,
    m("nary"): _n_ary,
    m("d"): _delimited,
    m("m"): _matrix,
    m("eqArr"): _lines,
    m("func"): _function,
    m("limLow"): _limit_below,
    m("limUpp"): _limit_above,
    m("acc"): _accent,
    m("bar"): _bar,
}
