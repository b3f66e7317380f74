"""Mails and what is attached to them."""

import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage

import openpyxl
import pytest

from ingest.errors import EncryptedError, PermanentError
from ingest.types import ParsedDocument

Read = Callable[[str, bytes | str], ParsedDocument]


def mail(text: str = "Dear Bo,\n\nsee the sheet.\n", subject: str = "Ferry dues für Bodø") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Åse Haug <a@example.org>"
    made["To"] = "b@example.org"
    made["Date"] = "Fri, 27 Nov 2026 10:00:00 +0000"
    made["Subject"] = subject
    made.set_content(text)
    return made


def sheet() -> bytes:
    workbook = openpyxl.Workbook()
    workbook.active.append(["Port", "Dues"])
    workbook.active.append(["Bodo", 14])
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("a.txt", "x")
    return stream.getvalue()


def test_headers_and_text(read: Read) -> None:
    document = read("a.eml", mail().as_bytes())
    assert (document.type, document.title) == ("eml", "Ferry dues für Bodø")
    (passage,) = document.passages
    assert passage.text == (
        "Ferry dues für Bodø\nFrom: Åse Haug <a@example.org>\nTo: b@example.org\n"
        "Date: Fri, 27 Nov 2026 10:00:00 +0000\nDear Bo,\n\nsee the sheet."
    )


def test_page_instead_of_text_where_it_says_more(read: Read) -> None:
    both = mail()
    both.add_alternative("<p>Dear Bo,<p>see <b>the</b> sheet.", subtype="html")
    assert "Dear Bo,\n\nsee the sheet." in read("a.eml", both.as_bytes()).passages[0].text
    table = mail()
    table.add_alternative("<table><tr><th>Port<th>Dues<tr><td>Bodo<td>14</table>", subtype="html")
    (passage,) = read("a.eml", table.as_bytes()).passages
    assert passage.text.endswith("Port | Dues\nBodo | 14")
    assert passage.tables[0].header.endswith("Port | Dues")
    alone = b"From: a@b.org\nTo: c@d.org\nSubject: x\nContent-Type: text/html; charset=shift_jis\n\n<p>"
    assert read("a.eml", alone + "会費".encode("shift_jis")).passages[0].text.endswith("会費")


def test_attachments_are_read_or_named(read: Read) -> None:
    made = mail()
    made.add_attachment(sheet(), maintype="application", subtype="octet-stream", filename="dues.xlsx")
    made.add_attachment("port;dues;year\nOslo;9;2026\nBodo;14;2026\n", filename="ports.csv")
    made.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="photo.png")
    made.add_attachment(archive(), maintype="application", subtype="zip", filename="all.zip")
    made.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="bad.docx")
    document = read("a.eml", made.as_bytes())
    assert [(passage.heading, passage.text) for passage in document.passages[1:]] == [
        ("dues.xlsx > Sheet", "Sheet\nPort | Dues\nBodo | 14"),
        ("ports.csv", "port | dues | year\nOslo | 9 | 2026\nBodo | 14 | 2026"),
    ]
    assert document.passages[1].tables[0].header == "Port | Dues"
    (warning,) = document.reading_warnings
    assert warning.code == "attachments_unread"
    assert "“photo.png”, “all.zip”, “bad.docx”" in warning.text


def test_mails_inside_mails_to_a_limited_depth(read: Read) -> None:
    made = mail("innermost words", "Level 5")
    for level in (4, 3, 2, 1):
        outer = mail(f"words of level {level}", f"Level {level}")
        outer.add_attachment(made)
        made = outer
    document = read("a.eml", made.as_bytes())
    assert [passage.heading for passage in document.passages] == [
        None,
        "Level 2.eml",
        "Level 2.eml > Level 3.eml",
    ]
    assert [warning.text for warning in document.reading_warnings] == [
        "Level 2.eml: Level 3.eml: Attached files were not read: “Level 4.eml”."
    ]


def test_what_is_no_file_is_not_named(read: Read) -> None:
    made = mail()
    made.add_alternative('<p>Dear Bo,<img src="cid:logo">see the sheet.', subtype="html")
    made.get_payload()[1].add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>")  # type: ignore[index, union-attr]
    made.add_attachment(b"0", maintype="application", subtype="pgp-signature", filename="signature.asc")
    assert read("a.eml", made.as_bytes()).warnings == []


def test_encrypted_mail(read: Read) -> None:
    head = b"From: a@b.org\nTo: c@d.org\nSubject: x\nMIME-Version: 1.0\n"
    with pytest.raises(EncryptedError):
        read("a.eml", head + b'Content-Type: application/pkcs7-mime; name="smime.p7m"\n\nAAAA')
    with pytest.raises(EncryptedError):
        read("a.eml", head + b"Content-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--\n")


def test_damaged_headers(read: Read) -> None:
    data = (
        b"From: =?utf-8?q?broken <a@\nTo: \xff\xfe\nSubject: =?x-unknown?b?!!?= Gr\xfc\xdfe\nDate: never\n"
        b"Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n\n!!!14 crowns"
    )
    assert read("a.eml", data).type == "eml"


def test_deep_nesting(read: Read) -> None:
    data = b"From: a@b.org\nTo: c@d.org\nSubject: x\n"
    for level in range(3000):
        data += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level)
    with pytest.raises(PermanentError, match="deep"):
        read("a.eml", data + b"Content-Type: text/plain\n\nwords\n")
