"""The text of answers as elements: Markdown, formulas, citations, and hostile input."""

from typing import Any

import pytest

from tests.browser import Page

DRAW = """
    const root = document.createElement("div");
    root.append(m.markdown(a[0], "k"));
    const given = / dir="auto"| target="_blank" rel="noopener noreferrer"|\\n/g;
    return root.innerHTML.replaceAll(given, "");
"""
LOADED = """
    const main = document.querySelector("script[type=module]").src;
    await import(main.replace("main.js", "vendor/katex/katex.js"));
    const root = document.createElement("div");
    root.append(m.markdown(a[0], "k"));
    await new Promise((drawn) => setTimeout(drawn));
    return [root.querySelectorAll("math").length, root.querySelectorAll("math[display=block]").length];
"""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("**bold** and `x < 1`", "<p><strong>bold</strong> and <code>x &lt; 1</code></p>"),
        ("- a\n- b\n  goes on\n\nafter", "<ul><li>a</li><li>b<br>goes on</li></ul><p>after</p>"),
        ("- a\n  - b\n    1. c", "<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("> quoted **x**", "<blockquote><p>quoted <strong>x</strong></p></blockquote>"),
        ("## Head\ntext", "<h2>Head</h2><p>text</p>"),
        (
            "```py\na[1] = '<b>'\n```",
            '<div class="code-frame"><pre><code class="language-py">a[1] = \'&lt;b&gt;\'</code></pre></div>',
        ),
        (
            "|a|b|\n|-:|-|\n|1|2|",
            '<div class="table-frame"><table><thead><tr><th class="is-right">a</th><th>b</th></tr></thead>'
            '<tbody><tr><td class="is-right">1</td><td>2</td></tr></tbody></table></div>',
        ),
        (
            "- [x] done\n- [ ] open",
            '<ul class="contains-task-list"><li class="task-list-item"><span class="task-box" role="img" '
            'aria-label="Done">☑</span> done</li><li class="task-list-item"><span class="task-box" '
            'role="img" aria-label="To do">☐</span> open</li></ul>',
        ),
        ("[a](https://a.example)", '<p><a href="https://a.example">a</a></p>'),
        (
            "https://a.example www.b.example c@d.example notes.md",
            '<p><a href="https://a.example">https://a.example</a> www.b.example c@d.example notes.md</p>',
        ),
        ("2 ** 3 * 4 and `open", "<p>2 ** 3 * 4 and `open</p>"),
        ("a\n\n~~b~~", "<p>a</p><p><s>b</s></p>"),
        ("", ""),
    ],
)
def test_markdown_becomes_elements(modules: Page, text: str, html: str) -> None:
    assert modules.module("core/markdown.js", DRAW, text) == html


def test_footnotes_refer_to_each_other(modules: Page) -> None:
    html = modules.module("core/markdown.js", DRAW, "So[^x].\n\n[^x]: A note.")
    assert '<a href="#fn-k-1" id="fnref-k-1">[1]</a>' in html
    assert '<li id="fn-k-1"' in html


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=window.hacked=1>",
    "![pixel](https://tracker.example/p.png)",
    "![x](javascript:window.hacked=1)",
    "[a](javascript:window.hacked=1) [b](JaVaScRiPt:1) [c](data:text/html,<script>1</script>)",
    "[d](vbscript:1) [e](file:///etc/passwd)",
    "[a](&#106;avascript:1) [b](java\nscript:1) <javascript:window.hacked=1>",
    "<iframe src='https://tracker.example'></iframe><form action=/api/auth/logout><button>x</button></form>",
    "<svg onload=window.hacked=1><style>*{display:none}</style>",
    "<math><mi xlink:href='javascript:1'>x</mi></math>",
    "[x]: javascript:window.hacked=1\n\n[x] ![x]",
    '```x" onmouseover="window.hacked=1\n</code><img src=x onerror=window.hacked=1>\n```',
    "$\\href{javascript:window.hacked=1}{x}$ $\\includegraphics{https://tracker.example/p.png}$",
    "$\\htmlData{x=1}{y}$ \\(\\style{background:url(https://tracker.example)}{x}\\) $\\unicode{x3c}script$",
    "|<img src=x onerror=window.hacked=1>|\n|-|\n|![t](//tracker.example/p.png)|",
    "- [x] <input onfocus=window.hacked=1 autofocus>\n\n[^1]\n\n[^1]: <img src=x onerror=window.hacked=1>",
    "<a href='https://tracker.example' style='position:fixed;inset:0' id=announcer name=x>x</a>",
]
ALLOWED = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code"),
    *("strong", "em", "s", "a", "sup", "section", "span", "div", "table", "thead", "tbody", "tr", "th", "td"),
    *("math", "semantics", "mrow", "mi", "mn", "mo", "mtext", "mstyle", "msup", "msub", "mfrac", "mspace"),
}
INSPECT = """
    const root = document.createElement("div");
    document.body.append(root);
    root.append(m.markdown(a[0], "k"));
    const main = document.querySelector("script[type=module]").src;
    await import(main.replace("main.js", "vendor/katex/katex.js"));
    await new Promise((drawn) => setTimeout(drawn, 50));
    const elements = [...root.querySelectorAll("*")];
    const found = {
        names: [...new Set(elements.map((element) => element.localName))],
        attributes: [...new Set(elements.flatMap((element) => element.getAttributeNames()))],
        addresses: elements.map((element) => element.getAttribute("href")).filter(Boolean),
        hacked: window.hacked ?? null,
        requests: performance.getEntriesByType("resource").map((entry) => entry.name)
            .filter((name) => !name.startsWith(location.origin)),
    };
    root.remove();
    return found;
"""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_creates_nothing_harmful(modules: Page, text: str) -> None:
    found: dict[str, Any] = modules.module("core/markdown.js", INSPECT, text)
    assert set(found["names"]) <= ALLOWED
    assert not [name for name in found["attributes"] if name.startswith("on") or name in {"style", "src"}]
    assert all(
        address.startswith(("http://", "https://", "mailto:", "#fn")) for address in found["addresses"]
    )
    assert found["hacked"] is None
    assert found["requests"] == []


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("$x^2$ and \\(y\\)", 2),
        ("$$a+b$$", 1),
        ("\\[\na\n\\]", 1),
        ("$n-1$, $f(x)$, $2x$, $\\alpha$-test, $E=mc^2$", 5),
        ("from $83 billion to $90 billion", 0),
        ("$5-$6, US$5 and US$6, $1,000 and $2,000.", 0),
        ("$5/month or $50/year", 0),
        ("$PATH and $HOME", 0),
        ("`$x$` and\n\n```\n$y$\n```", 0),
        ("$10 = 8 EUR, so $20 is 16", 0),
        ("\\$x\\$", 0),
        ("$\\undefinedmacro$", 0),
    ],
)
def test_formulas_are_told_from_prices(modules: Page, text: str, formulas: int) -> None:
    assert modules.module("core/markdown.js", LOADED, text)[0] == formulas


def test_formulas_on_lines_of_their_own_are_blocks(modules: Page) -> None:
    assert modules.module("core/markdown.js", LOADED, "$$\\sum_i x_i$$\n\nand $y$") == [2, 1]


CITE = """
    const cite = (n) => n <= 3 ? Object.assign(document.createElement("i"), { textContent: `[${n}]` }) : null;
    const root = document.createElement("div");
    root.innerHTML = a[0];
    m.linkCitations(root, cite);
    return root.innerHTML;
"""


@pytest.mark.parametrize(
    ("html", "linked"),
    [
        ("yes [1][2].", 'yes <span class="cites"><i>[1]</i><i>[2]</i>.</span>'),
        ("yes [1, 3] so", 'yes <span class="cites"><i>[1]</i><i>[3]</i></span> so'),
        ("no [9], [1, 9]", "no [9], [1, 9]"),
        ("<code>a[1]</code> <pre>[1]</pre>", "<code>a[1]</code> <pre>[1]</pre>"),
        ("<b>so [2]</b>", '<b>so <span class="cites"><i>[2]</i></span></b>'),
    ],
)
def test_citations_become_links(modules: Page, html: str, linked: str) -> None:
    assert modules.module("core/citations.js", CITE, html) == linked


def test_blocks_are_the_text(modules: Page) -> None:
    text = "# A\n\n1. one **two** [1]\n2. `x`\n\n   more\n\n> q\n\n```\ncode\n\nmore\n```\n\n"
    text += "$$\nx\n$$\n\n- **b\n"
    beginnings = [text[:i] for i in range(len(text) + 1)]
    parts = modules.module("core/markdown.js", "return a[0].map(m.blocksOf);", beginnings)
    assert ["".join(blocks) for blocks in parts] == beginnings
    assert len(parts[-1]) == 6


def test_answer_that_grows_is_drawn_as_the_whole(modules: Page) -> None:
    """Whatever the pieces, the elements are those of the whole text."""
    text = "# A\n\n1. one **two** [1]\n2. `x`\n\n> q\n\n```\ncode\n```\n\n|a|\n|-|\n|1|\n\nlast [1]"
    grow = """
        const citations = [{ n: 1, title: "T", page: 1, quote: "", doc_id: 1 }];
        const rest = { citations, chatId: 1, messageId: 1, key: "k" };
        const content = (text, isWriting) => ({ ...rest, text, isWriting });
        const drawn = (element) => element.innerHTML;
        const create = () => document.createElement("luma-answer-text");
        const [grown, whole] = [create(), create()];
        for (let i = 1; i <= a[0].length; i += 1) {
            grown.content = content(a[0].slice(0, i), true);
            await new Promise((done) => queueMicrotask(done));
        }
        grown.content = content(a[0], false);
        whole.content = content(a[0], false);
        await new Promise((done) => setTimeout(done, 50));
        return [drawn(grown), drawn(whole)];
    """
    grown, whole = modules.module("views/answer-text.js", grow, text)
    assert grown == whole
    assert whole.count('class="cite"') == 2


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("<think>why</think>\n\nSo.", ["why", "So.", False]),
        ("<think>why", ["why", "", True]),
        ("<thi", ["", "", True]),
        ("a <think>b</think>", ["", "a <think>b</think>", False]),
    ],
)
def test_reasoning_is_told_from_the_answer(modules: Page, content: str, parts: list[Any]) -> None:
    split = "const s = m.splitReasoning(a[0]); return [s.reasoning, s.text, s.isReasoning];"
    assert modules.module("core/answer-text.js", split, content) == parts


def test_quotes_are_told_from_written_answers(modules: Page) -> None:
    citations = [{"n": 1, "quote": "A * b * c_d_e."}, {"n": 2, "quote": "Other words."}]
    quotes = "return m.quotesOf(a[0], a[1]);"
    found = modules.module(
        "core/answer-text.js", quotes, "A * b * c_d_e. [1]\n\nOther words. [2]\n\n", citations
    )
    assert found == [{"text": "A * b * c_d_e.", "n": 1}, {"text": "Other words.", "n": 2}]
    for written in ("**Other** words. [2]", "Yes [1].", "Other words.", "Other words. [2]\n\nSo no."):
        assert modules.module("core/answer-text.js", quotes, written, citations) is None


def test_long_hostile_text_is_drawn(modules: Page) -> None:
    """None of these takes more than linear time, of which the browser would complain."""
    for text in (
        "**" * 20_000,
        "[1, " * 20_000,
        "`" * 40_000,
        "- " * 5_000,
        "> " * 4_000,
        "$" * 20_000,
        "\\(" * 20_000,
    ):
        assert modules.module("core/markdown.js", "return m.markdown(a[0]).textContent.length >= 0", text)
