import pytest

from luma_rag.http.file_names import file_name


@pytest.mark.parametrize(
    ("disposition", "plain", "expected"),
    [
        ('form-data; name="file"; filename="report.pdf"', "report.pdf", "report.pdf"),
        ("", "Résumé.pdf".encode().decode("latin-1"), "Résumé.pdf"),
        ("", "Résumé.pdf", "Résumé.pdf"),
        ("", "10\x80.pdf", "10€.pdf"),
        ("form-data; filename=\"x.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9%202.pdf", "x.pdf", "Résumé 2.pdf"),
        ("form-data; filename*=iso-8859-1'en'R%E9sum%E9.pdf; filename=x.pdf", "x.pdf", "Résumé.pdf"),
        ("form-data; filename*=nothing''R%E9sum%E9.pdf; filename=x.pdf", "x.pdf", "x.pdf"),
        ("form-data; filename*=undefined''R%E9sum%E9.pdf; filename=x.pdf", "x.pdf", "x.pdf"),
        ("form-data; name=\"file\"; filename*=UTF-8''R%C3%A9sum%C3%A9.pdf", "", "Résumé.pdf"),
        ("", "=?UTF-8?B?UsOpc3Vtw6kucGRm?=", "Résumé.pdf"),
        ("", "=?iso-8859-1?Q?R=E9sum=E9.pdf?=", "Résumé.pdf"),
        ("", "=?nothing?Q?R=E9.pdf?=", "=?nothing?Q?R=E9.pdf?="),
        ("", "2+2=?.pdf", "2+2=?.pdf"),
    ],
)
def test_file_names_are_decoded(disposition: str, plain: str, expected: str) -> None:
    assert file_name(disposition, plain) == expected
