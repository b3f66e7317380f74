"""Removes images from answers, so that clients that render Markdown or HTML load nothing.

An injected document could make the model write an image whose address contains what else the model read. The
reader's client would send it by loading the image, without a click. Links stay, since they need one. Clients
that draw diagrams in place of code (Mermaid, Vega) load images and data for these, too, so they get code.
"""

import re

# What begins every image of Markdown, also by reference and inside a link, and every element of HTML, since
# any may have a style with an address. A space after the first character leaves only text, in all dialects,
# independent of the text before it. Code is treated alike, because dialects disagree on what code is.
#
# The name of a language of diagrams, after what begins a block of code, becomes two words.
_LOADING = re.compile(
    r"!(?=\[)|<(?=[A-Za-z])|(?:`{3}|~{3}|:{3})[ \t{.]*(?:m(?=ermaid)|v(?=ega))", re.IGNORECASE
)
# The end of a text that may be the beginning of one of these.
_BEGINNING = re.compile(
    r"(?:[!<]|(?<![`~:])[`~:]+[ \t{.]*(?:m(?:e(?:r(?:m(?:ai?)?)?)?)?|v(?:eg?)?)?)\Z", re.IGNORECASE
)


def without_images(text: str) -> str:
    """A complete text without images: `![a](b)` becomes `! [a](b)`, and `<img>` becomes `< img>`."""
    return _LOADING.sub(r"\g<0> ", text)


class ImageFilter:
    """The same for a text that arrives in pieces."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text so far that can be shown. An end that may begin an image is held back."""
        text = self._held + piece
        found = _BEGINNING.search(text)
        self._held = "" if found is None else found[0]
        # Including the held end, since it may follow a character that begins an image.
        return without_images(text)[: -len(self._held) or None]

    def end(self) -> str:
        """The rest, at the end of the text."""
        held, self._held = self._held, ""
        return held
