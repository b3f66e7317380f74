"""Opens a workbook with openpyxl, from a mended copy of its package.

The copy holds only what is read: openpyxl refuses whole files over a mistake in a picture, a filter, or a
print area.
"""

import io
import zipfile
from html import escape
from typing import Any

import openpyxl

from ingest.errors import PermanentError
from ingest.parsers.package import DAMAGED, Package

_KEPT_KINDS = frozenset({"worksheet", "chartsheet", "sharedStrings", "styles"})
_RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def open_workbook(package: Package) -> Any:
    """Open a package with openpyxl, to be read row by row, with the values of formulas.

    Raises:
        PermanentError: it is damaged.
        LimitError: it unpacks to more data than allowed.
    """
    return openpyxl.load_workbook(_mended(package), read_only=True, data_only=True, keep_links=False)


def _mended(package: Package) -> io.BytesIO:
    main = package.main_part()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        kept = {main: "sheet.main"}
        rels = []
        for one in package.relationships(main):
            if one.kind in _KEPT_KINDS and not one.external:
                kept[one.target] = one.kind
                rels.append(_relationship(one.id, one.kind, one.target))
        for name in kept:
            data = package.part(name)
            # Office has no use for entities, and openpyxl expands them.
            if data is None or b"<!ENTITY" in data:
                raise PermanentError(DAMAGED)
            archive.writestr(name, data)
        folder, _, base = main.rpartition("/")
        archive.writestr(f"{folder}/_rels/{base}.rels".lstrip("/"), _relationships(rels))
        archive.writestr("_rels/.rels", _relationships([_relationship("main", "officeDocument", main)]))
        archive.writestr("[Content_Types].xml", _content_types(kept))
    stream.seek(0)
    return stream


def _relationship(key: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{escape(key)}" Type="{_RELATIONSHIP}/{kind}" Target="/{escape(target)}"/>'


def _relationships(lines: list[str]) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def _content_types(kinds: dict[str, str]) -> str:
    lines = (
        f'<Override PartName="/{escape(name)}" ContentType="{_SPREADSHEET}.{kind}+xml"/>'
        for name, kind in kinds.items()
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="{rels}"/>'
        f"{''.join(lines)}</Types>"
    )
