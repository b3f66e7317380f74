"""Characters of the fonts Symbol and Wingdings, which DOCX files reference by font position."""

_SYMBOL = dict(
    zip(
        range(0x41, 0x5B),
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ",
        strict=True,
    )
) | dict(
    zip(
        range(0x61, 0x7B),
        "αβχδεφγηιϕκλμνοπθρστυϖωξψζ",
        strict=True,
    )
)
_SYMBOL |= {
    0xA3: "≤", 0xA5: "∞", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓", 0xB0: "°", 0xB1: "±",
    0xB3: "≥", 0xB4: "\u00d7", 0xB6: "∂", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈", 0xC5: "⊕",
    0xC6: "∅", 0xC7: "∩", 0xC8: "\u222a", 0xCE: "∈", 0xCF: "∉", 0xD0: "∠", 0xD1: "∇", 0xD2: "®", 0xD3: "©",
    0xD4: "™", 0xD5: "∏", 0xD6: "√", 0xDE: "⇒", 0xE5: "∑", 0xF2: "∫",
}  # fmt: skip
_WINGDINGS = {
    0x6C: "•", 0x6E: "▪", 0x6F: "☐", 0x71: "☐", 0x72: "☐", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←",
    0xE0: "→", 0xE8: "→", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_PRIVATE_USE = range(0xE000, 0xF900)


def symbol(font: str, code: str) -> str:
    """The Unicode character for `code` (hexadecimal) in `font`; "" for a pictogram."""
    try:
        place = int(code, 16)
    except ValueError:
        return ""
    # Word shifts the positions of symbol fonts to U+F000.
    low = place & 0xFF if place in _PRIVATE_USE else place
    name = font.lower()
    if name == "symbol":
        return _SYMBOL.get(low, chr(low) if 0x20 <= low < 0x7F else "")
    if name.startswith(("wingdings", "webdings")):
        return _WINGDINGS.get(low, "") if name == "wingdings" else ""
    return chr(place) if place not in _PRIVATE_USE and 0x20 <= place < 0x110000 else ""
