"""Words broken at line ends and page ends.

A hyphen at a line end either divides a word or belongs to it. The other words of the document decide; a
compound that is never whole in it is recognized by its parts.
"""

import re
from collections import Counter
from collections.abc import Iterable

from ingest.parsers.pdf.lines import LINE_HYPHEN

_BROKEN = re.compile(rf"([\w'’-]*\w){LINE_HYPHEN}[\n ](\w[\w'’]*)")
_WORD = re.compile(r"\w[\w'’]*(?:-\w[\w'’]*)*")
# "Import- und Export": the second part follows later.
_CONJUNCTIONS = frozenset({"and", "or", "to", "und", "oder", "bis", "bzw", "et", "ou", "y", "o", "e", "en", "of"})
_FIRST_PARTS = frozenset(
    "above after all back below best better bottom broad built business case class client cloud co cost counter"
    " cross custom customer data day decision deep double down early east end energy ever ex face fact fast few"
    " first five follow four free front full future general half hand hard health heat high higher home hour ill"
    " in income information inter job key knowledge labor labour large last late lead left less life light like"
    " line little live long longer low lower machine market mid middle month most much multi near nine no non"
    " north off older on one open out over part people performance point policy poor post power present price"
    " pro problem quality quasi quick rate ready real rent right risk role run safety second self semi seven"
    " share shelf short side single six slow small so south state step stock strong student sub tax ten term"
    " then third three time to top trade two under up user value vice voice war water web week well west white"
    " whole wide work world would year zero".split()
)
_LAST_PARTS = frozenset(
    "aged assisted aware based bearing being born bound built by called centered centred class classified"
    " coming date day dependent down driven earning edge effective employed employment end ended established"
    " ever existing exempt facing faced family fold free friendly funded going grade grained growing half hand"
    " head held home hour house in income intensive interest job known law led level life like line lived living"
    " long looking loss made making market mail minded minute month monthly off old on one oriented out owned"
    " ownership paced paid party percent point price priced producing profit proof quality quarter ranging rate"
    " rated ready related resistant rich right round run running scale section sectional selling sensitive"
    " serving sharing side sided sized specific spread standing state step style sum tailed talk tax taxed term"
    " thirds time tier to trained type up use value valued wave way week weighted wide wing winning work worker"
    " working world worthy year yield".split()
)


def joiner(texts: Iterable[str]) -> "Joiner":
    """What joins the broken words of a document with these texts."""
    texts = list(texts)
    wanted: set[str] = set()
    for text in texts:
        for first, second in _BROKEN.findall(text) if LINE_HYPHEN in text else ():
            wanted |= {f"{first}{second}".casefold(), f"{first}-{second}".casefold()}
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
        return f"{first}-{second}" if _is_compound(first, second) else f"{first}{second}"

    def text(self, text: str) -> str:
        """`text` with its broken words joined; what was on the next line stays on the first."""
        if LINE_HYPHEN not in text:
            return text
        text = _BROKEN.sub(lambda match: self.joined(match[1], match[2]), text)
        # A word broken twice.
        text = _BROKEN.sub(lambda match: self.joined(match[1], match[2]), text)
        return text.replace(LINE_HYPHEN, "-")


def _is_compound(first: str, second: str) -> bool:
    last_of_first = first.rsplit("-", 1)[-1]
    if second[0].isdigit() or last_of_first[-1].isdigit():
        return True
    if second[0].isupper() and not first.isupper():
        return True
    if len(last_of_first) == 1 or (first.isupper() and second.isupper() and len(first) < 3):
        return True
    if last_of_first.casefold() in {"re", "pre", "de", "co"}:
        # "re-entry", but "re-place" only where lines end.
        return last_of_first[-1].casefold() == second[0].casefold()
    return last_of_first.casefold() in _FIRST_PARTS and len(second) > 3 or second.casefold() in _LAST_PARTS
