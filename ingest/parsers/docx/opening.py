"""Opens a DOCX with python-docx, from a mended copy of its package.

python-docx refuses Strict Open XML, macro-enabled files, templates, and files with a dangling relationship or
a damaged part. It also unpacks every picture. The copy holds only the parts that text comes from, with the
namespaces, types and relationships that python-docx expects.
"""

import io
import zipfile
from html import escape

import docx
from docx.document import Document
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from lxml import etree

from ingest.errors import PermanentError
from ingest.parsers.package import DAMAGED, Package, Relationship, raise_if_memory

_CHART_EX = "http://schemas.microsoft.com/office/2014/relationships/chartEx"
_DATA = "application/octet-stream"
# Parts that hold paragraphs, and therefore refer to other parts.
_STORIES = {
    "officeDocument": (RELATIONSHIP_TYPE.OFFICE_DOCUMENT, CONTENT_TYPE.WML_DOCUMENT_MAIN),
    "header": (RELATIONSHIP_TYPE.HEADER, CONTENT_TYPE.WML_HEADER),
    "footer": (RELATIONSHIP_TYPE.FOOTER, CONTENT_TYPE.WML_FOOTER),
    "footnotes": (RELATIONSHIP_TYPE.FOOTNOTES, CONTENT_TYPE.WML_FOOTNOTES),
    "endnotes": (RELATIONSHIP_TYPE.ENDNOTES, CONTENT_TYPE.WML_ENDNOTES),
    "comments": (RELATIONSHIP_TYPE.COMMENTS, CONTENT_TYPE.WML_COMMENTS),
}
_KEPT = _STORIES | {
    "core-properties": (RELATIONSHIP_TYPE.CORE_PROPERTIES, CONTENT_TYPE.OPC_CORE_PROPERTIES),
    "styles": (RELATIONSHIP_TYPE.STYLES, CONTENT_TYPE.WML_STYLES),
    "numbering": (RELATIONSHIP_TYPE.NUMBERING, CONTENT_TYPE.WML_NUMBERING),
    "chart": (RELATIONSHIP_TYPE.CHART, CONTENT_TYPE.DML_CHART),
    "chartEx": (_CHART_EX, _DATA),
    "diagramData": (RELATIONSHIP_TYPE.DIAGRAM_DATA, CONTENT_TYPE.DML_DIAGRAM_DATA),
    "aFChunk": (RELATIONSHIP_TYPE.A_F_CHUNK, _DATA),
    "package": (RELATIONSHIP_TYPE.PACKAGE, _DATA),
    "hyperlink": (RELATIONSHIP_TYPE.HYPERLINK, _DATA),
}
_MANY = frozenset({"header", "footer", "chart", "chartEx", "diagramData", "aFChunk", "package", "hyperlink"})
# Embedded workbooks and presentations are large, and not read.
_WORD_SUFFIXES = (".docx", ".docm", ".dotx", ".dotm")


def open_document(package: Package) -> Document:
    """Open a package with python-docx. Damaged parts other than the main one count as missing.

    Raises:
        PermanentError: it is damaged.
        LimitError: it unpacks to more data than allowed.
    """
    try:
        return docx.Document(_mended(package))
    except etree.XMLSyntaxError as error:
        raise_if_memory(error)
    package.drop_damaged()
    try:
        return docx.Document(_mended(package))
    except etree.XMLSyntaxError as error:
        raise_if_memory(error)
        raise PermanentError(DAMAGED) from error


def _mended(package: Package) -> io.BytesIO:
    main = package.main_part()
    if package.part(main) is None:
        raise PermanentError(DAMAGED)
    root = [Relationship("main", "officeDocument", main, external=False)]
    root += _first(package, package.relationships(), {"core-properties"})
    types: dict[str, str] = {}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:

        def add(source: str, relationships: list[Relationship]) -> None:
            archive.writestr(_rels_name(source), _rels(relationships))
            for relationship in relationships:
                target = relationship.target
                if not relationship.external and target not in types:
                    types[target] = _KEPT[relationship.kind][1]
                    archive.writestr(target, package.part(target) or b"")
                    if relationship.kind in _STORIES:
                        kinds = _KEPT.keys() - {"officeDocument", "core-properties"}
                        add(target, _first(package, package.relationships(target), kinds))

        add("", root)
        archive.writestr("[Content_Types].xml", _content_types(types))
    stream.seek(0)
    return stream


def _first(package: Package, relationships: list[Relationship], kinds: set[str]) -> list[Relationship]:
    """The relationships of these kinds to parts that can be read, without what python-docx expects once."""
    kept: list[Relationship] = []
    for relationship in relationships:
        kind, target = relationship.kind, relationship.target
        if kind not in kinds or relationship.external != (kind == "hyperlink"):
            continue
        if kind not in _MANY and any(kind == other.kind for other in kept):
            continue
        if kind == "package" and not target.lower().endswith(_WORD_SUFFIXES):
            continue
        if relationship.external or package.part(target) is not None:
            kept.append(relationship)
    return kept


def _rels_name(source: str) -> str:
    folder, _, base = source.rpartition("/")
    return f"{folder}/_rels/{base}.rels".lstrip("/")


def _rels(relationships: list[Relationship]) -> str:
    lines = []
    for one in relationships:
        target, mode = (one.target, ' TargetMode="External"') if one.external else (f"/{one.target}", "")
        attributes = f'Id="{escape(one.id)}" Type="{_KEPT[one.kind][0]}" Target="{escape(target)}"{mode}'
        lines.append(f"<Relationship {attributes}/>")
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{"".join(lines)}</Relationships>'


def _content_types(types: dict[str, str]) -> str:
    lines = (f'<Override PartName="/{escape(name)}" ContentType="{kind}"/>' for name, kind in types.items())
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    rels = CONTENT_TYPE.OPC_RELATIONSHIPS
    return f'<Types xmlns="{space}"><Default Extension="rels" ContentType="{rels}"/>{"".join(lines)}</Types>'
