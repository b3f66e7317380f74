"""Small Office files made by hand."""

import zipfile
from pathlib import Path

OPEN_XML = "http://schemas.openxmlformats.org"
_RELATION = f"{OPEN_XML}/officeDocument/2006/relationships"
_PACKAGE = f"{OPEN_XML}/package/2006"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_PRESENTATION = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"


def shape(text: str, kind: str = "body", *, properties: str = "", run: str = "") -> str:
    """A placeholder of a slide with a paragraph for each line."""
    paragraphs = "".join(
        f"<a:p><a:pPr {properties}/><a:r><a:rPr {run}/><a:t>{line}</a:t></a:r></a:p>"
        for line in text.split("\n")
    )
    place = f'<p:ph type="{kind}"/>' if kind else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name=""/><p:cNvSpPr/><p:nvPr>{place}</p:nvPr></p:nvSpPr>'
        f"<p:txBody>{paragraphs}</p:txBody></p:sp>"
    )


def slide_table(rows: list[list[str]], *, first_row: bool = True) -> str:
    """A table of a slide. A cell "<" belongs to the one before it, "^" to the one above."""
    marks = {"<": ' hMerge="1"', "^": ' vMerge="1"'}
    lines = "".join(
        "<a:tr>"
        + "".join(
            f"<a:tc{marks.get(cell, '')}><a:txBody><a:p><a:r><a:t>{'' if cell in marks else cell}"
            f"</a:t></a:r></a:p>"
            "</a:txBody></a:tc>"
            for cell in row
        )
        + "</a:tr>"
        for row in rows
    )
    return (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="1" name=""/></p:nvGraphicFramePr><a:graphic>'
        f'<a:graphicData><a:tbl><a:tblPr firstRow="{int(first_row)}"/>{lines}</a:tbl>'
        f"</a:graphicData></a:graphic>"
        "</p:graphicFrame>"
    )


def write_pptx(
    path: Path,
    *slides: str,
    notes: str = "",
    hidden: tuple[int, ...] = (),
    parts: dict[str, str] | None = None,
) -> Path:
    """A presentation of these slides, listed in reverse in the archive; `notes` are those of the first."""
    spaces = f'xmlns:p="{OPEN_XML}/presentationml/2006/main" xmlns:a="{OPEN_XML}/drawingml/2006/main" '
    spaces += f'xmlns:r="{_RELATION}"'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Override '
        f'PartName="/ppt/presentation.xml" '
        f'ContentType="{_PRESENTATION}"/></Types>',
        "_rels/.rels": _rels({"r1": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": f"<p:presentation {spaces}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{256 + at}" r:id="s{at}"/>' for at in range(len(slides)))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _rels(
            {f"s{at}": ("slide", f"slides/slide{len(slides) - at}.xml") for at in range(len(slides))}
        ),
    }
    for at, shapes in enumerate(slides):
        show = ' show="0"' if at + 1 in hidden else ""
        files[f"ppt/slides/slide{len(slides) - at}.xml"] = (
            f"<p:sld {spaces}{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    if notes:
        files[f"ppt/slides/_rels/slide{len(slides)}.xml.rels"] = _rels(
            {"n": ("notesSlide", "../notesSlides/notesSlide1.xml")}
        )
        files["ppt/notesSlides/notesSlide1.xml"] = (
            f"<p:notes {spaces}><p:cSld><p:spTree>{shape(notes)}{shape('7', 'sldNum')}</p:spTree>"
            f"</p:cSld></p:notes>"
        )
    return write_zip(path, files | (parts or {}))


def write_odt(path: Path, body: str, *, styles: str = "", more: str = "", title: str = "") -> Path:
    """An OpenDocument text with this body, these automatic styles, and `more` in the part of styles."""
    names = {"office": "office", "style": "style", "text": "text", "table": "table", "draw": "drawing"}
    spaces = " ".join(f'xmlns:{prefix}="{_OASIS}:{name}:1.0"' for prefix, name in names.items())
    spaces += ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return write_zip(
        path,
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {spaces}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:text>{body}</office:text></office:body>"
            "</office:document-content>",
            "styles.xml": f"<office:document-styles {spaces}>{more}</office:document-styles>",
            "meta.xml": f"<office:document-meta {spaces}><office:meta><dc:title>{title}</dc:title>"
            f"</office:meta>"
            "</office:document-meta>",
        },
    )


def write_zip(path: Path, files: dict[str, str]) -> Path:
    """A zip archive of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def _rels(targets: dict[str, tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="{key}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'
