import time

import pytest

from luma_rag.retrieval.contents import is_contents

LEADERS = (
    "Contents\n1. Termination ........ 2\n2. Liability for delay ..... 3\n3. Insurance of cargo .... 3\n"
)


@pytest.mark.parametrize(
    "text",
    [
        LEADERS,
        LEADERS.replace("..", ". ."),
        LEADERS.replace(" .", "").replace(". 2", ".2"),
        "Introduction…1\nSafety…4\nCleaning…12",
        "PART I\nItem 1. Business 4\nItem 1A. Risk 9\nItem 2. Land 20\nItem 3. Mines 20\nItem 4. End 31",
        "What is it?\t4\nInstallation\t5\nFirst steps\t7\nOptions\t12\nIndex\t20",
        "Start | 4\nInstallation | 5\nFirst steps | 7\nOptions | 12\nIndex | 20 |",
    ],
)
def test_tables_of_contents_are_recognized(text: str) -> None:
    assert is_contents(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The notice period is ninety days.\nSee page 4.",
        # Too few to be sure.
        "1. Termination .... 2\n2. Delay .... 3",
        "Apples 1\nPears 2\nPlums 3\nGrapes 4",
        # Numbers that fall, years, amounts.
        LEADERS.replace("3\n2.", "9\n2.").replace(" 2\n", " 9\n"),
        "Net sales 400\nCosts 300\nGross profit 100\nTax 20\nNet income 80",
        "Series A 2019\nSeries B 2020\nSeries C 2021\nSeries D 2022\nSeries E 2023",
        "Net sales .... $1,200\nCosts .... $1,300\nTax .... $1,400",
        # Entries among prose.
        LEADERS + "This agreement is made between the supplier and the buyer.\n" * 4,
    ],
)
def test_other_texts_are_not(text: str) -> None:
    assert not is_contents(text)


@pytest.mark.parametrize(
    "line", ["." * 20_000 + "x", "a" * 20_000 + " 1", ". " * 10_000 + "1", "\t" * 20_000]
)
def test_long_lines_take_no_time(line: str) -> None:
    began = time.perf_counter()
    assert not is_contents(line)
    assert time.perf_counter() - began < 0.5
