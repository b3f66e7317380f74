import pytest

from tests.browser import Page

# `cite` knows the citations 1 to 3.
DRAW = """
    const cite = (n) => n >= 1 && n <= 3 && Object.assign(document.createElement("button"), {textContent: n});
    const root = document.createElement("div");
    root.append(...m.format(a[0], cite));
    return root.innerHTML.replaceAll(/<span class="cites">(.*?)<\\/span>/g, "$1");
"""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("**bold** and `x < 1`", "<p><strong>bold</strong> and <code>x &lt; 1</code></p>"),
        ("- a\n- b\n  goes on\nafter", "<ul><li>a</li><li>b goes on</li></ul><p>after</p>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("> quoted **x**\n> more", "<blockquote><p>quoted <strong>x</strong><br>more</p></blockquote>"),
        ("## Head\ntext", '<p class="answer-heading">Head</p><p>text</p>'),
        ("```py\na[1] = '<b>'\n```", "<pre><code>a[1] = '&lt;b&gt;'</code></pre>"),
        ("yes [1][2].", "<p>yes <button>1</button><button>2</button>.</p>"),
        ("yes [1, 3]", "<p>yes <button>1</button><button>3</button></p>"),
        ("no [9], [1, 9]", "<p>no [9], [1, 9]</p>"),
        ("**so [2]**", "<p><strong>so <button>2</button></strong></p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("2 ** 3 * 4 and `open", "<p>2 ** 3 * 4 and `open</p>"),
        ("-", "<p>-</p>"),
        ("", ""),
    ],
)
def test_text_becomes_elements(modules: Page, text: str, html: str) -> None:
    assert modules.module("format.js", DRAW, text) == html


def test_every_beginning_of_an_answer_can_be_drawn(modules: Page) -> None:
    text = "# A\n\n1. one **two** [1]\n2. `x`\n\n> q\n\n```\ncode\n```\n\n- **b\n"
    beginnings = [text[:i] for i in range(len(text))]
    drawn = modules.module(
        "format.js", f"return a[0].map((text) => ((a) => {{ {DRAW} }})([text]));", beginnings
    )
    assert drawn[-1].endswith("<ul><li>**b</li></ul>")


def test_long_hostile_text_is_drawn_at_once(modules: Page) -> None:
    time = "const start = performance.now(); m.format(a[0], () => null); return performance.now() - start;"
    for text in ("**" * 20_000, "[1, " * 20_000, "`" * 40_000, "- " * 20_000, "> " * 4_000):
        assert modules.module("format.js", time, text) < 1_000
