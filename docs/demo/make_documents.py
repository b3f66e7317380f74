"""Build the five demo documents: `python docs/demo/make_documents.py docs/demo/documents`.

Each `text/NAME.pdf.md` or `text/NAME.docx.md` becomes `NAME.pdf` or `NAME.docx`. The company, its customers
and all figures are invented. The same text produces the same bytes, and the result is committed.

A text is Markdown: the `#` heading is the title, the paragraph below it the subtitle, `##` are chapters and
`###` sections. In a DOCX, `[^1]` refers to the footnote in the paragraph that begins with `[^1]: `.
"""

import argparse
from pathlib import Path

from docx_writer import write_docx
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from pdf_writer import write_pdf

TEXTS = Path(__file__).parent / "text"
WRITERS = {".pdf": write_pdf, ".docx": write_docx}


def make_documents(out_dir: Path) -> list[Path]:
    """Write all documents into `out_dir`, which is made where it is missing; returns their paths, sorted."""
    out_dir.mkdir(parents=True, exist_ok=True)
    markdown = MarkdownIt("commonmark").enable("table")
    made = []
    for text in sorted(TEXTS.glob("*.md")):
        target = out_dir / text.stem
        tree = SyntaxTreeNode(markdown.parse(text.read_text(encoding="utf-8")))
        WRITERS[target.suffix](tree.children, target)
        made.append(target)
    return made


def main() -> None:
    """Read the command line and print what was made."""
    parser = argparse.ArgumentParser(description="Make the five demo documents.")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    for path in make_documents(parser.parse_args().out_dir):
        print(path)


if __name__ == "__main__":
    main()
