"""Fonts that name wrong characters: text that is no language is found out, and what is one is left alone."""
# ruff: noqa: RUF001

from pathlib import Path

import pytest

from ingest.parsers import parse
from ingest.parsers.pdf.language import agree, has_moved_letters
from ingest.settings import ParserLimits
from ingest.types import RecognizedLine, RecognizedPage
from tests.unit.ingest.parsers.pdf_files import shown, written_pdf

ENGLISH = """Every member pays a rent of 184.50 crowns a year, due on the first of March.
Water is shut off from November to the end of March, because of frost.
Bonfires are permitted on Saturdays only, and never within 25 meters of a shed.
Whoever gives up a garden informs the chairwoman by letter at least three months before."""
POLISH = """Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.
Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."""
TURKISH = """Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler
ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler. Kira her ay ödenir."""
VIETNAMESE = """Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.
Mọi con người đều được tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau."""
WELSH = """Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â
rheswm a chydwybod, a dylai pawb ymddwyn y naill at y llall mewn ysbryd cymodlon."""
CODE = """def check(argv): parser = ArgumentParser() for name in glob(pattern): import subprocess
return subprocess.check_call(cmd, shell=False) lambda x: x * y for k, v in d.items(): yield from func"""
PROTEIN = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQTLGQHDFSAG\n" * 4
HASHES = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n" * 8
REPEATED = "xxx line xxx line\n" * 30
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах, с разумом и совестью.\n" * 4


def moved(text: str, distance: int) -> str:
    """The text with each letter replaced by the one at a distance behind it in the alphabet."""
    return "".join(
        chr((ord(letter) - ord("a") + distance) % 26 + ord("a")) if "a" <= letter <= "z" else letter
        for letter in text.lower()
    )


@pytest.mark.parametrize(
    "text", [ENGLISH, POLISH, TURKISH, VIETNAMESE, WELSH, CODE, PROTEIN, HASHES, REPEATED, RUSSIAN]
)
def test_text_is_left_alone(text: str) -> None:
    assert not has_moved_letters(text)


@pytest.mark.parametrize("distance", range(1, 26))
def test_moved_letters_are_found(distance: int) -> None:
    assert has_moved_letters(moved(ENGLISH, distance))
    assert has_moved_letters(f"{ENGLISH}\n" * 5 + moved(ENGLISH, distance))


def test_few_letters_are_no_evidence() -> None:
    assert not has_moved_letters(moved(ENGLISH, 3)[:60])


def test_recognized_words_tell_which_letters_are_right() -> None:
    assert agree("Vnhyl zph Qmrk, vdlg wkh mdqlwru", ["Vnhyl zph Qmrk,", "vdlg wkh mdqlwrr"])
    assert not agree("Vnhyl zph Qmrk, vdlg wkh mdqlwru", ["Skeve we Nojh,", "said the janitor"])


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A PDF that shows `ENGLISH`, while its font names the letter three places on."""
    content = "".join(
        shown((60, 700 - 20 * number, line.encode("ascii").hex()))
        for number, line in enumerate(ENGLISH.splitlines())
    )
    characters = {ord(letter): moved(letter, 3) for letter in sorted(set(ENGLISH.lower()) - {"\n"})}
    return written_pdf(tmp_path / "shifted.pdf", content, characters=characters)


def test_page_with_moved_letters_is_named(shifted: Path) -> None:
    document = parse(shifted, ParserLimits())
    (warning,) = document.reading_warnings
    assert (warning.code, warning.pages, document.unread) == ("no_language", [1], [1])
    assert "make no words" in warning.text


def test_what_was_recognized_replaces_moved_letters(shifted: Path) -> None:
    lines = [
        RecognizedLine(line, 60, 700 - 20 * number, 500, 712 - 20 * number)
        for number, line in enumerate(ENGLISH.splitlines())
    ]
    document = parse(shifted, ParserLimits(), recognized={1: RecognizedPage(lines, 842)})
    assert document.passages[0].text == ENGLISH
    assert [warning.code for warning in document.reading_warnings] == ["recognized"]
    wrong = RecognizedPage(lines, 842, is_readable=False)
    document = parse(shifted, ParserLimits(), recognized={1: wrong})
    assert {"no_language"} <= {warning.code for warning in document.reading_warnings}
