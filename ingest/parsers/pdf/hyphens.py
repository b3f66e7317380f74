"""Words broken at line ends and page ends.

A hyphen at a line end either divides a word or belongs to it. The other words of the document decide; a
compound that is never whole in it is recognized by its parts.
"""

import re
from collections import Counter
from collections.abc import Iterable

from ingest.parsers.pdf.lines import LINE_HYPHEN

_BROKEN = re.compile(rf"([\w'\u2019-]*\w){LINE_HYPHEN}[\n ](\w[\w'\u2019]*)")
_WORD = re.compile(r"\w[\w'\u2019]*(?:-\w[\w'\u2019]*)*")
# "Import- und Export": the second part follows later.
_CONJUNCTIONS = frozenset(
    {"and", "or", "to", "und", "oder", "bis", "bzw", "et", "ou", "y", "o", "e", "en", "of"}
)
_FIRST_PARTS = frozenset(
    """
    above after all back below best better bottom broad built business case class client cloud co cost
    counter cross custom customer data day decision deep double down early east end energy ever ex face
    fact fast few first five follow four free front full future general half hand hard health heat high
    higher home hour ill in income information inter job key knowledge labor labour large last late lead
    left less life light like line little live long longer low lower machine market mid middle month
    most much multi near nine no non north off older on one open out over part people performance point
    policy poor post power present price pro problem quality quasi quick rate ready real rent right risk
    role run safety second self semi seven share shelf short side single six slow small so south state
    step stock strong student sub tax ten term then third three time to top trade two under up user
    value vice voice war water web week well west white whole wide work world would year zero
    """.split()  # noqa: SIM905
)
_VOWEL_PREFIXES = frozenset({"re", "pre", "de", "co"})
_LAST_PARTS = frozenset(
    """
    aged assisted aware based bearing born bound built called centered centred class classified
    dependent driven earning effective employed exempt facing fold free friendly funded going grade
    grained growing income intensive interest known led level like looking loss making market minded
    month oriented owned ownership paid party point price priced producing profit proof quality quarter
    ranging rate rated ready related resistant rich running scale section selling sensitive serving
    sharing sided size sized specific spread standing state step style tailed tax taxed term thirds tier
    trained type use value valued wave weighted wide winning working year yield
    """.split()  # noqa: SIM905
)


def joiner(texts: Iterable[str]) -> "Joiner":
    """What joins the broken words of a document with these texts."""
    texts = list(texts)
    wanted: set[str] = set()
    for text in texts:
        for first, second in _BROKEN.findall(text) if LINE_HYPHEN in text else ():
            forms = (f"{first}{second}", f"{first}-{second}", first.rsplit("-", 1)[-1], second)
            wanted.update(map(str.casefold, forms))
    counts: Counter[str] = Counter()
    if wanted:
        for text in texts:
            counts.update(word for word in map(str.casefold, _WORD.findall(text)) if word in wanted)
    return Joiner(counts)


class Joiner:
    """Joins broken words, by how often a document has each form of them."""

    def __init__(self, counts: Counter[str]) -> None:
        """`counts` are those of the words in lower case."""
        self._counts = counts

    def joined(self, first: str, second: str) -> str:
        """One word, or a compound, of the parts before and after a line end."""
        whole = self._counts[f"{first}{second}".casefold()]
        compound = self._counts[f"{first}-{second}".casefold()]
        if second.casefold() in _CONJUNCTIONS and not whole:
            return f"{first}- {second}"
        if whole != compound:
            return f"{first}{second}" if whole > compound else f"{first}-{second}"
        return f"{first}-{second}" if self._is_compound(first, second) else f"{first}{second}"

    def text(self, text: str) -> str:
        """`text` with its broken words joined; what was on the next line stays on the first."""
        if LINE_HYPHEN not in text:
            return text
        text = _BROKEN.sub(lambda match: self.joined(match[1], match[2]), text)
        # A word broken twice.
        text = _BROKEN.sub(lambda match: self.joined(match[1], match[2]), text)
        return text.replace(LINE_HYPHEN, "-")

    def _is_compound(self, first: str, second: str) -> bool:
        """Whether the parts of a word that is nowhere whole are words of their own."""
        last = first.rsplit("-", 1)[-1]
        if second[0].isdigit() or last[-1].isdigit() or len(last) == 1:
            return True
        if second[0].isupper() and not first.isupper():
            return True
        if last != first and self._counts[second.casefold()]:
            # "state-of-the-art", but "cost-effec-tive".
            return True
        last, second = last.casefold(), second.casefold()
        if last in _VOWEL_PREFIXES:
            # "re-entry", but "replace".
            return last[-1] == second[0]
        if second in _LAST_PARTS:
            return last in _FIRST_PARTS or self._counts[last] > 0
        return last in _FIRST_PARTS and self._counts[second] > 0
