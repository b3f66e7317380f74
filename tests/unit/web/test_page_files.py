from pathlib import Path

from luma_rag import web

STATIC = Path(web.__file__).parent / "static"
MOST_LINES = 300


def test_every_file_of_the_page_is_read_at_one_sitting() -> None:
    files = [
        path for path in STATIC.rglob("*") if path.suffix in {".js", ".css"} and "vendor" not in path.parts
    ]
    lines = {path.relative_to(STATIC).as_posix(): path.read_text().count("\n") for path in files}
    assert len(lines) > 50
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}
