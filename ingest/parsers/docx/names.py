"""XML names of WordprocessingML, and of what stands in it, in lxml's notation."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"

VAL = f"{_W}val"
ID = f"{_R}id"
"""The id of a relationship."""
FIGURE_PROPERTIES = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
NEW_CHART = "{http://schemas.microsoft.com/office/drawing/2014/chartex}chart"
OLD_SHAPE = "{urn:schemas-microsoft-com:vml}shape"
EMBEDDED_OBJECT = "{urn:schemas-microsoft-com:office:office}OLEObject"


def w(name: str) -> str:
    """`w:name`."""
    return _W + name


def m(name: str) -> str:
    """`m:name`, for equations."""
    return _M + name


def a(name: str) -> str:
    """`a:name`, for drawings."""
    return _A + name


def c(name: str) -> str:
    """`c:name`, for charts."""
    return _C + name


def dgm(name: str) -> str:
    """`dgm:name`, for SmartArt."""
    return _DGM + name


def mc(name: str) -> str:
    """`mc:name`, for alternative content."""
    return _MC + name


def r(name: str) -> str:
    """`r:name`, for relationships."""
    return _R + name


def w14(name: str) -> str:
    """`w14:name`, for what Word 2010 added."""
    return _W14 + name
