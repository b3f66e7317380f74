"""XML names of WordprocessingML in lxml's notation."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

VAL = f"{_W}val"


def w(name: str) -> str:
    """`w:name`."""
    return _W + name


def m(name: str) -> str:
    """`m:name`, for equations."""
    return _M + name


def a(name: str) -> str:
    """`a:name`, for drawings."""
    return _A + name


def mc(name: str) -> str:
    """`mc:name`, for alternative content."""
    return _MC + name
