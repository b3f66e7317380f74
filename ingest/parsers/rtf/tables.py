"""The rows and cells of a table of an RTF."""

from ingest.parsers.blocks import Block
from ingest.parsers.tables import Cell, Row, table_of

_MOST_COLUMNS = 63


class TableReader:
    """Gathers paragraphs in cells, and cells in rows."""

    def __init__(self) -> None:
        self.is_inside = False
        """Whether the paragraph is in a table."""
        self._rows: list[Row] = []
        self._cells: list[list[Block]] = []
        self._blocks: list[Block] = []
        self._merges: list[str] = []
        self._merge = ""
        self._is_header = False

    def word(self, word: str) -> None:
        """A control word about rows, cells or paragraphs."""
        if word == "intbl":
            self.is_inside = True
        elif word == "trowd":
            self._merges, self._merge, self._is_header = [], "", False
        elif word == "trhdr":
            self._is_header = True
        elif word in ("clmrg", "clvmrg"):
            self._merge = word
        elif word == "cellx":
            self._merges.append(self._merge)
            self._merge = ""

    def end_paragraph(self, text: str, word: str) -> None:
        """A paragraph ends, and maybe its cell or row."""
        if text:
            self._blocks.append(Block(text))
        if word == "cell":
            self._cells.append(self._blocks)
            self._blocks = []
        elif word == "row":
            self._end_row()

    def take(self) -> Block | None:
        """The table so far, None if it is empty."""
        if self._blocks:
            self._cells.append(self._blocks)
            self._blocks = []
        if self._cells:
            self._end_row()
        rows, self._rows = self._rows, []
        return table_of(rows) if rows else None

    def _end_row(self) -> None:
        cells: list[Cell] = []
        for at, blocks in enumerate(self._cells[:_MOST_COLUMNS]):
            merge = self._merges[at] if at < len(self._merges) else ""
            if merge == "clmrg" and cells:
                cells[-1] = cells[-1]._replace(width=cells[-1].width + 1)
            else:
                cells.append(Cell(at, 1, blocks, continued=merge == "clvmrg"))
        if cells:
            self._rows.append(Row(cells, self._is_header))
        self._cells = []
