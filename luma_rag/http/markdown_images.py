"""Removes images from answers, so that clients that render Markdown or HTML load nothing.

An injected document could make the model write an image whose address contains what else the model read. The
reader's client would send it by loading the image, without a click. Links stay, since they need one.
"""

import re

# What begins every image of Markdown, also by reference and inside a link, and every element of HTML, since
# any may have a style with an address. A space after the first character leaves only text, in all dialects,
# whatever stands before; code gets it too, because dialects differ in what is code.
_LOADING = re.compile(r"!(?=\[)|<(?=[A-Za-z])")
_FIRST = ("!", "<")


def without_images(text: str) -> str:
    """A complete text without images: `![a](b)` becomes `! [a](b)`, and `<img>` becomes `< img>`."""
    return _LOADING.sub(r"\g<0> ", text)


class ImageFilter:
    """The same for a text that arrives in pieces."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown of the text so far. A character that may begin an image is held back."""
        text = self._held + piece
        self._held = text[-1] if text.endswith(_FIRST) else ""
        # With the held character, since it may follow one that begins an image.
        return without_images(text)[: -1 if self._held else None]

    def end(self) -> str:
        """What is still held back at the end of the text."""
        held, self._held = self._held, ""
        return held
