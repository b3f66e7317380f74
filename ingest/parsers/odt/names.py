"""XML names of OpenDocument, in lxml's notation."""

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = {
    "draw": f"{_OASIS}:drawing:1.0",
    "office": f"{_OASIS}:office:1.0",
    "style": f"{_OASIS}:style:1.0",
    "svg": f"{_OASIS}:svg-compatible:1.0",
    "table": f"{_OASIS}:table:1.0",
    "text": f"{_OASIS}:text:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def qualified(name: str) -> str:
    """`{namespace}name` of a name such as `text:p`."""
    prefix, _, local = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{local}"
