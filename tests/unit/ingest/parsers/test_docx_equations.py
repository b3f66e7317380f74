from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.wordml import paragraph

Write = Callable[..., Path]


def t(letters: str) -> str:
    return f"<m:r><m:t>{letters}</m:t></m:r>"


def e(inside: str) -> str:
    return f"<m:e>{inside if inside.startswith('<') else t(inside)}</m:e>"


def brackets(*inside: str, properties: str = "") -> str:
    return f"<m:d><m:dPr>{properties}</m:dPr>{''.join(map(e, inside))}</m:d>"


def fraction(above: str, below: str, kind: str = "bar") -> str:
    properties = f'<m:fPr><m:type m:val="{kind}"/></m:fPr>'
    return f"<m:f>{properties}<m:num>{t(above)}</m:num><m:den>{t(below)}</m:den></m:f>"


def sum_of(sign: str, below: str, above: str, body: str) -> str:
    properties = f'<m:naryPr><m:chr m:val="{sign}"/></m:naryPr>'
    return f"<m:nary>{properties}<m:sub>{t(below)}</m:sub><m:sup>{t(above)}</m:sup>{e(body)}</m:nary>"


def row(*cells: str) -> str:
    return f"<m:mr>{''.join(map(e, cells))}</m:mr>"


SQUARE = '<m:begChr m:val="["/><m:endChr m:val="]"/>'
MATRIX = f"<m:m>{row('1', '2')}{row('3', '4')}</m:m>"
ROOT = f"<m:rad><m:radPr>{{}}</m:radPr><m:deg>{{}}</m:deg>{e('b-4c')}</m:rad>"
LIMIT = f"<m:limLow>{e('lim')}<m:lim>{t('n→∞')}</m:lim></m:limLow>"


@pytest.mark.parametrize(
    ("equation", "line"),
    [
        (t("y=2") + brackets("a+b"), "y=2(a+b)"),
        (t("f") + brackets("x") + t("=") + fraction("x+1", "2"), "f(x)=(x+1)/2"),
        (fraction("1", "2x"), "1/(2x)"),
        (fraction("n", "k", "noBar"), "(n over k)"),
        (brackets("a", "b", properties=SQUARE), "[a|b]"),
        (ROOT.format('<m:degHide m:val="1"/>', ""), "√(b-4c)"),
        (ROOT.format("", t("3")), "root(3, (b-4c))"),
        (sum_of("∑", "i=1", "n", "x"), "∑_(i=1)^n x"),
        (f"<m:nary><m:sub/><m:sup/>{e('xdx')}</m:nary>", "∫ xdx"),
        (f"<m:sSubSup>{e('x')}<m:sub>{t('1')}</m:sub><m:sup>{t('2')}</m:sup></m:sSubSup>", "x_1^2"),
        (f"<m:sSup>{e(brackets('a+b'))}<m:sup>{t('n-1')}</m:sup></m:sSup>", "(a+b)^(n-1)"),
        (f"<m:sPre><m:sub>{t('6')}</m:sub><m:sup>{t('12')}</m:sup>{e('C')}</m:sPre>", "_6^12 C"),
        (t("M=") + brackets(MATRIX), "M=([1, 2; 3, 4])"),
        (t("M=") + brackets(MATRIX, properties=SQUARE), "M=[1, 2; 3, 4]"),
        (f"<m:func><m:fName>{LIMIT}</m:fName>{e('x')}</m:func>", "lim_(n→∞) x"),
        (t("a") + f"<m:func><m:fName>{t('cos')}</m:fName>{e(brackets('x'))}</m:func>", "a cos(x)"),
        (f"<m:eqArr>{e('x=1')}{e('y=2')}</m:eqArr>", "x=1; y=2"),
        (f'<m:acc><m:accPr><m:chr m:val="\u0303"/></m:accPr>{e("n")}</m:acc>', "ñ"),
        (f'<m:box>{e("x")}</m:box><w:del>{t("gone")}</w:del>', "x"),
    ],
)  # fmt: skip
def test_equations_keep_their_meaning_on_one_line(equation: str, line: str, write_docx: Write) -> None:
    (passage,) = parse(write_docx(paragraph(f"<m:oMath>{equation}</m:oMath>")), ParserLimits()).passages
    assert passage.text == line


def test_equations_below_each_other(write_docx: Write) -> None:
    lines = f"<m:oMathPara><m:oMath>{t('x=1')}</m:oMath><m:oMath>{t('y=2')}</m:oMath></m:oMathPara>"
    (passage,) = parse(write_docx(paragraph(lines)), ParserLimits()).passages
    assert passage.text == "x=1\ny=2"
