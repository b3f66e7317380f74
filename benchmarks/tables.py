"""How well tables of PDF files are read, and whether values keep their labels in the chunks.

    python -m benchmarks.tables FOLDER [--peer-python PATH] [--files] [--json]

FOLDER holds the files of the ICDAR 2013 table competition: `NAME.pdf` with the true cells in `NAME-str.xml`.

The adjacency F1 is that of Göbel et al., "A Methodology for Evaluating Algorithms for Table Understanding in
PDF Documents" (DocEng 2012): every cell has a relation to its nearest neighbor on the right and below, past
blank cells. Precision and recall of the relations of a document, averaged over the documents. Tables have to
be found, so relations of text that is no table count against precision. Contents are compared without white
space and punctuation.

A triple is a value with its row label and its column header: the cell at the left end of its row, and the
lowest cell of the header above it. A pair counts if label and value are on one line of a chunk, a triple if
the words of the header are also in that chunk or its context. The header consists of the rows above the first
row with numbers; tables without one have no triples.

PATH is the Python of an environment with pdfplumber (`python -m venv DIR && DIR/bin/pip install pdfplumber`).
Its text is divided into chunks in the same way, page by page.
"""

import argparse
import re
import statistics
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.peer_tables import PeerPage
from benchmarks.true_tables import Cell, Triple, relations, triples, true_tables
from ingest.chunker import TokenCounter, chunk
from ingest.embedding.packaged import load_tokenizer
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ChunkSettings, ParserLimits
from ingest.types import ParsedDocument, Passage, Table

_WORD = re.compile(r"[^\W_]+")


class Score(msgspec.Struct, frozen=True):
    """Shares from 0 to 1."""

    name: str
    precision: float
    recall: float
    f1: float
    pairs: float
    triples: float
    values: int


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _places(text: str, line: str, starts: set[int]) -> Iterator[int]:
    """Where `text` begins in `line` and covers whole words; both without spaces."""
    at = line.find(text)
    while at >= 0:
        if at in starts and at + len(text) in starts:
            yield at
        at = line.find(text, at + 1)


def _holds(line: str, *texts: str) -> bool:
    """Whether texts stand on a line one after the other, as whole words."""
    words = _words(line)
    starts = {0}
    for word in words:
        starts.add(max(starts) + len(word))
    position = 0
    for text in texts:
        wanted = "".join(_words(text))
        found = [at for at in _places(wanted, "".join(words), starts) if at >= position] if wanted else []
        if not wanted:
            if text.strip() not in line:
                return False
        elif not found:
            return False
        else:
            position = found[0] + len(wanted)
    return True


def kept(wanted: list[Triple], document: ParsedDocument, name: str, count: TokenCounter) -> tuple[int, int]:
    """How many of the pairs and triples stand in one chunk."""
    chunks = chunk(document, name, count, ChunkSettings())
    lines = [(line, part) for part in chunks for line in part.text.split("\n")]
    everything = [set(_words(f"{part.context}\n{part.heading or ''}\n{part.text}")) for part in chunks]
    words_of = {id(part): words for part, words in zip(chunks, everything, strict=True)}
    pairs = whole = 0
    for triple in wanted:
        holding = [part for line, part in lines if _holds(line, triple.label, triple.value)]
        pairs += bool(holding)
        whole += any(words_of[id(part)].issuperset(_words(triple.header)) for part in holding)
    return pairs, whole


def own_tables(document: ParsedDocument) -> list[list[Cell]]:
    """The cells of the tables that Luma found."""
    return [_cells_of(table) for passage in document.passages for table in passage.tables]


def _cells_of(table: Table) -> list[Cell]:
    # Rows of a header that stands on an earlier page are not on this one.
    repeated = table.header_rows if table.body == table.start else 0
    taken: set[tuple[int, int]] = set()
    cells = []
    for number, row in enumerate(table.rows[repeated:]):
        column = 0
        for cell in row:
            while (number, column) in taken:
                column += 1
            last_row, last_column = number + cell.rows - 1, column + cell.columns - 1
            taken |= {(i, j) for i in range(number, last_row + 1) for j in range(column, last_column + 1)}
            cells.append(Cell(number, column, last_row, last_column, cell.text))
    return cells


def peer_document(pages: list[PeerPage]) -> tuple[ParsedDocument, list[list[Cell]]]:
    """The text of pdfplumber as passages, and the cells of its tables."""
    passages = [Passage(page.text, number) for number, page in enumerate(pages, start=1) if page.text]
    tables = [
        [
            Cell(row, column, row, column, text or "")
            for row, cells in enumerate(table)
            for column, text in enumerate(cells)
        ]
        for page in pages
        for table in page.tables
    ]
    return ParsedDocument("pdf", passages), tables


class Tally:
    """Adds up the results of one program."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.precisions: list[float] = []
        self.recalls: list[float] = []
        self.pairs = self.triples = self.values = 0

    def add(
        self,
        path: Path,
        document: ParsedDocument,
        tables: list[list[Cell]],
        count: TokenCounter,
        *,
        show: bool,
    ) -> None:
        """Compare the tables parsed from a file with the ground truth."""
        truth = true_tables(path.with_name(f"{path.stem}-str.xml"))
        wanted = sum(map(relations, truth), Counter())
        found = sum(map(relations, tables), Counter())
        right = (wanted & found).total()
        self.precisions.append(right / found.total() if found else 0.0)
        self.recalls.append(right / wanted.total())
        values = [triple for table in truth for triple in triples(table)]
        pairs, whole = kept(values, document, path.name, count)
        self.pairs += pairs
        self.triples += whole
        self.values += len(values)
        if show:
            figures = f"precision {self.precisions[-1]:.3f}  recall {self.recalls[-1]:.3f}"
            print(f"{self.name:10} {path.stem:8} {figures}  pairs {pairs}, triples {whole} of {len(values)}")

    def score(self) -> Score:
        """The figures of all files."""
        precision, recall = statistics.mean(self.precisions), statistics.mean(self.recalls)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return Score(
            self.name,
            round(precision, 3),
            round(recall, 3),
            round(f1, 3),
            round(self.pairs / self.values, 3),
            round(self.triples / self.values, 3),
            self.values,
        )


def measure(folder: Path, peer_python: Path | None, *, show: bool) -> list[Score]:
    """Read all files with Luma and the peer."""
    count = TokenCounter(load_tokenizer())
    files = sorted(folder.glob("*.pdf"))
    luma = Tally("luma")
    for path in files:
        document = parse_in_sandbox(path, ParserLimits())
        luma.add(path, document, own_tables(document), count, show=show)
    scores = [luma.score()]
    if peer_python is not None:
        peer = Tally("pdfplumber")
        script = Path(__file__).with_name("peer_tables.py")
        command = [str(peer_python), str(script), *map(str, files)]
        output = subprocess.run(command, check=True, capture_output=True).stdout
        for path, pages in zip(files, msgspec.json.decode(output, type=list[list[PeerPage]]), strict=True):
            document, tables = peer_document(pages)
            peer.add(path, document, tables, count, show=show)
        scores.append(peer.score())
    return scores


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure how well tables of PDF files are read.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer-python", type=Path, help="Python of an environment with pdfplumber")
    parser.add_argument("--files", action="store_true", help="print the figures of each file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    scores = measure(arguments.folder, arguments.peer_python, show=arguments.files and not arguments.json)
    if arguments.json:
        print(msgspec.json.encode(scores).decode())
        return
    for score in scores:
        print("  ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(score).items()))


if __name__ == "__main__":
    main()
