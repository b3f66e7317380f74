"""Values of cells as people see them."""

import datetime
import math
import re
from typing import Any

_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
_CONDITION = re.compile(r"\[[^\]]*\]")
_DIGITS = re.compile(r"([#0?,]+)(?:\.([#0?]+))?(,*)")
_PLAIN = frozenset({"General", "general", "@", ""})
_SIGNS = "$€£¥₹%()-+ :/"
# Of the private use area, in place of what is quoted in a format.
_FIRST_LITERAL = 0xE000
_MOST_DIGITS = 10  # that Excel shows, beside the point
_LARGEST_WHOLE = 10**15
_MOST_DECIMALS = 15


def shown(value: Any, number_format: str) -> str:
    """A value in its format: dates in ISO 8601, percentages, decimals, thousands, currencies."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        return _date(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, number_format)
    return str(value)


def _date(value: datetime.datetime) -> str:
    # Excel stores fractions of days, so that times are a little off.
    rounded = (value + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    if rounded.time() == datetime.time():
        return rounded.date().isoformat()
    return rounded.isoformat(" ", "minutes" if rounded.second == 0 else "seconds")


def _number(value: float, number_format: str) -> str:
    if number_format in _PLAIN or not math.isfinite(value):
        return _general(value)
    section = number_format.split(";", maxsplit=1)[0]
    section = _CURRENCY.sub(lambda match: f'"{match[1]}"', section)
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or "")
        return chr(_FIRST_LITERAL + len(literals) - 1)

    section = _CONDITION.sub("", _QUOTED.sub(keep, section))
    digits = _DIGITS.search(section)
    if digits is None or "/" in section or "E" in section.upper():
        return _general(value)
    if "%" in section:
        value *= 100
    value /= 1000 ** len(digits[3])
    text = _digits(abs(value), digits[1], digits[2] or "")
    sign = "-" if value < 0 and any(digit in text for digit in "123456789") else ""
    before, after = section[: digits.start()], section[digits.end() :]
    return sign + _literal(before, literals).lstrip() + text + _literal(after, literals).rstrip()


def _digits(value: float, whole: str, fraction: str) -> str:
    # Digits beyond those that are always shown are shown if they are not zero.
    text = f"{value:{',' if ',' in whole else ''}.{min(len(fraction), _MOST_DECIMALS)}f}"
    optional = len(fraction) - len(fraction.rstrip("#?"))
    for _ in range(optional):
        text = text.removesuffix("0")
    text = text.removesuffix(".")
    shown_whole, point, rest = text.partition(".")
    return shown_whole.zfill(whole.count("0")) + point + rest


def _literal(text: str, literals: list[str]) -> str:
    shown_as = {chr(_FIRST_LITERAL + at): literal for at, literal in enumerate(literals)}
    return "".join(
        shown_as.get(character, character if character in _SIGNS or character.isdecimal() else "")
        for character in text
    )


def _general(value: float) -> str:
    if isinstance(value, int) or (value.is_integer() and abs(value) < _LARGEST_WHOLE):
        return str(int(value))
    return f"{value:.{_MOST_DIGITS}g}"
