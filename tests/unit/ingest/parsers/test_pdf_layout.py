"""Reading order and words of PDF pages."""

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.pdf_files import at, drawn_pdf, lines, shown, written_pdf

LEFT = (
    "The council of the island met in",
    "spring to talk about the new pier.",
    "Its members want stone, because the",
    "wood of the old one has rotted away.",
)
RIGHT = (
    "At the same time the lighthouse got",
    "a lamp that needs no keeper any more,",
    "and the last keeper went to live with",
    "his sister in the town by the river.",
)


def text_of(path: Path) -> str:
    return "\n".join(passage.text for passage in parse(path, ParserLimits()).passages)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_text_keeps_its_lines_in_order(tmp_path: Path, angle: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(300, 400)
        canvas.rotate(angle)
        lines("The ferry leaves at seven on", "weekdays and at nine", "on Sundays.", x=-100, y=50)(canvas)

    expected = "The ferry leaves at seven on\nweekdays and at nine\non Sundays."
    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == expected


def test_turned_page(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.rotate(90)
        lines("The ferry leaves at seven on", "weekdays and at nine", x=60, y=-100)(canvas)

    assert (
        text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == "The ferry leaves at seven on\nweekdays and at nine"
    )


def test_turned_table_beside_upright_text(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        lines("Capacities")(canvas)
        canvas.rotate(90)
        at((100, -200, "Coolant"), (200, -200, "18.6 quarts"), (300, -200, "gold"))(canvas)
        at((100, -220, "Engine oil"), (200, -220, "6.0 quarts"), (300, -220, "premium"))(canvas)

    text = text_of(drawn_pdf(tmp_path / "a.pdf", draw))
    assert text == "Coolant | 18.6 quarts | gold\nEngine oil | 6.0 quarts | premium\nCapacities"


def test_slanted_watermark_stands_apart(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        lines(*LEFT)(canvas)
        canvas.translate(60, 500)
        canvas.rotate(40)
        at((0, 0, "CONFIDENTIAL"), size=30)(canvas)

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == "\n".join([*LEFT, "CONFIDENTIAL"])


def test_columns_of_prose_are_read_one_after_the_other(tmp_path: Path) -> None:
    rows = [
        text
        for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
        for text in ((60.0, 700.0 - 14 * number, left), (300.0, 700.0 - 14 * number, right))
    ]
    path = drawn_pdf(
        tmp_path / "a.pdf", at((60, 740, "News from the island and from the mainland, spring"), *rows)
    )
    heading, *rest = text_of(path).split("\n")
    assert heading.startswith("News")
    assert rest == [*LEFT, *RIGHT]


def test_tables_are_read_row_by_row(tmp_path: Path) -> None:
    rows = [
        ("Town", "People", "Change"),
        ("Aas", "1,204", "+ 3"),
        ("Bo", "310", "- 12"),
        ("Ski", "87", "+ 1"),
    ]
    # Column by column, as some programs draw them.
    cells = [
        (60.0 + 150 * column, 700.0 - 16 * number, rows[number][column])
        for column in range(3)
        for number in range(4)
    ]
    text = text_of(drawn_pdf(tmp_path / "a.pdf", at(*cells)))
    assert text == "Town | People | Change\nAas | 1,204 | + 3\nBo | 310 | - 12\nSki | 87 | + 1"


def test_wrapped_cells_stay_whole(tmp_path: Path) -> None:
    texts = [(60.0, 700.0, "Role"), (160.0, 700.0, "Duty"), (380.0, 700.0, "Control")]
    for number, role in enumerate(("First engineer", "Second mate", "Cook")):
        y = 670.0 - 50 * number
        texts += [
            (60.0, y, role),
            (160.0, y, "Keeps the log of all the pumps"),
            (380.0, y, "Monthly review by"),
        ]
        texts += [
            (160.0, y - 13, "and reports leaks to the captain"),
            (380.0, y - 13, "the owner of the ship"),
        ]
        texts += [(160.0, y - 26, "within the hour")]
    rows = text_of(drawn_pdf(tmp_path / "a.pdf", at(*texts))).split("\n")
    assert rows[1] == (
        "First engineer | Keeps the log of all the pumps and reports leaks to the captain within the hour | "
        "Monthly review by the owner of the ship"
    )
    assert len(rows) == 4


def test_words_drawn_one_by_one_share_a_line(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        x = 60.0
        for word in ("Every", "word", "is", "drawn", "alone"):
            at((x, 700.0 + (len(word) % 2) * 0.3, word))(canvas)
            x += canvas.stringWidth(word, "Helvetica", 11) + 3

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == "Every word is drawn alone"


@pytest.mark.parametrize(
    ("base", "figure", "expected"),
    [
        ("The premium is $320", "1", "The premium is $320[1]"),
        ("Revenue was 4,512", "2", "Revenue was 4,512[2]"),
        ("It holds 10", "5", "It holds 10^5"),
        ("An area of 250 m", "2", "An area of 250 m\u00b2"),
        ("As shown before", "12", "As shown before[12]"),
        ("End of the sentence.", "3", "End of the sentence.[3]"),
    ],
)
def test_raised_figures(tmp_path: Path, base: str, figure: str, expected: str) -> None:
    def draw(canvas: Canvas) -> None:
        at((60, 700, base))(canvas)
        at((60 + canvas.stringWidth(base, "Helvetica", 11), 704, figure), size=6.5)(canvas)

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == expected


def test_raised_figures_within_a_line(tmp_path: Path) -> None:
    content = "BT /F1 11 Tf 60 700 Td (It holds 10) Tj 6 Ts /F1 7 Tf (5) Tj 0 Ts /F1 11 Tf ( litres.) Tj ET"
    assert text_of(written_pdf(tmp_path / "a.pdf", content)) == "It holds 10^5 litres."


def test_drop_cap(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        at((60, 670, "W"), size=40)(canvas)
        lines("hoever enters the vault must be", "searched by two guards, and then", x=100, y=692)(canvas)
        lines("signs the book both times. The book", "is kept for years.", x=60, y=664)(canvas)

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)).startswith(
        "Whoever enters the vault must be\nsearched"
    )


HEBREW = {0x41: "\u05d0", 0x42: "\u05d1", 0x43: "\u05d2"}
LATIN = {code: chr(code) for code in (*range(0x61, 0x7B), *range(0x30, 0x3A), 0x20, 0x2D, 0x2C)}


def test_latin_words_in_a_right_to_left_line(tmp_path: Path) -> None:
    # As printed: "CBA falcon estates ABC", of which the ends are Hebrew and read from the right.
    printed = b"CBA falcon estates ABC".hex()
    path = written_pdf(tmp_path / "a.pdf", shown((60, 700, printed)), characters=HEBREW | LATIN)
    assert text_of(path) == "\u05d2\u05d1\u05d0 falcon estates \u05d0\u05d1\u05d2"


def test_number_with_a_hyphen_in_a_right_to_left_line(tmp_path: Path) -> None:
    path = written_pdf(
        tmp_path / "a.pdf", shown((60, 700, b"CBA 15-ABC 3,000 CC".hex())), characters=HEBREW | LATIN
    )
    assert text_of(path) == "\u05d2\u05d2 3,000 \u05d2\u05d1\u05d0-15 \u05d0\u05d1\u05d2"


def test_letters_of_an_arabic_ligature_keep_their_order(tmp_path: Path) -> None:
    characters = {0x41: "\u0644\u0627", 0x42: "\u0628", 0x43: "\u062a", 0x20: " "}
    path = written_pdf(tmp_path / "a.pdf", shown((60, 700, b"CB A".hex())), characters=characters)
    assert text_of(path) == "\u0644\u0627 \u0628\u062a"


def test_lines_of_ideographs_join_within_a_paragraph(tmp_path: Path) -> None:
    characters = {0x41: "\u6c34", 0x42: "\u9053", 0x43: "\u6599"}
    content = shown((60, 700, "414243" * 6), (60, 684, "424142" * 5), (60, 640, "41"))
    path = written_pdf(tmp_path / "a.pdf", content, characters=characters)
    paragraph = "\u6c34\u9053\u6599" * 6 + "\u9053\u6c34\u9053" * 5
    assert text_of(path) == f"{paragraph}\n\u6c34"


def test_printed_soft_hyphen_is_a_hyphen(tmp_path: Path) -> None:
    path = written_pdf(
        tmp_path / "a.pdf",
        "BT /F1 12 Tf 60 700 Td <312D3132206d> Tj ET",
        characters={0x31: "1", 0x32: "2", 0x2D: "\u00ad", 0x20: " ", 0x6D: "m"},
    )
    assert text_of(path) == "1-12 m"


def test_characters_beyond_the_basic_plane(tmp_path: Path) -> None:
    characters = {0x41: "\U00020bb7", 0x42: "\u91ce"}
    path = written_pdf(tmp_path / "a.pdf", shown((60, 700, "4142")), characters=characters)
    assert text_of(path) == "\U00020bb7\u91ce"


def test_text_beyond_the_crop_box_is_skipped(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setCropBox((0, 0, 595, 600))
        at((60, 700, "outside"), (60, 500, "inside"))(canvas)

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)) == "inside"
