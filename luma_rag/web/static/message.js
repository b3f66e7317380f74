// Renders one message.

import { el } from "./dom.js";
import { citedNumbers, format } from "./format.js";
import { locationOf, showCitation } from "./source.js";

/** The user's question. */
export function questionArticle(content) {
  return el("article", { class: "message question", "aria-label": "You" }, el("p", {}, content));
}

/** An answer with its citations. `actions` is appended below it. */
export function answerArticle({ content, citations }, actions = null) {
  const byNumber = new Map(citations.map((citation) => [citation.n, citation]));
  const cite = (n) => byNumber.has(n) && citationButton(byNumber.get(n));
  const numbers = citedNumbers(content);
  const used = citations.filter(({ n }) => numbers.has(n));
  return el(
    "article",
    { class: "message answer", "aria-label": "Luma" },
    el("div", { class: "answer-text" }, format(content, cite)),
    used.length > 0 && sources(used),
    actions,
  );
}

/** Update an answer. Unchanged elements are kept, which preserves the selection and the focus. */
export function redrawAnswer(article, message) {
  const fresh = answerArticle(message);
  const text = article.querySelector(".answer-text");
  replaceChanged(text, [...fresh.querySelector(".answer-text").children]);
  replaceChanged(article, [text, ...[...fresh.children].slice(1)]);
}

function replaceChanged(parent, wanted) {
  const present = [...parent.children];
  wanted.forEach((element, i) => {
    if (!present[i]) parent.append(element);
    else if (present[i] !== element && !present[i].isEqualNode(element)) present[i].replaceWith(element);
  });
  for (const extra of present.slice(wanted.length)) extra.remove();
}

function citationButton(citation) {
  const label = `Source ${citation.n}: ${[citation.title, locationOf(citation)].filter(Boolean).join(", ")}`;
  const onclick = () => showCitation(citation);
  return el("button", { type: "button", class: "cite", "aria-label": label, title: label, onclick }, String(citation.n));
}

function sources(citations) {
  return el(
    "ul",
    { class: "sources", "aria-label": "Sources" },
    citations.map((citation) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "source", onclick: () => showCitation(citation) },
          el("span", { class: "source-number", "aria-hidden": "true" }, String(citation.n)),
          el("span", { class: "source-title" }, citation.title),
          citation.page === null ? null : el("span", { class: "muted" }, `p. ${citation.page}`),
        ),
      ),
    ),
  );
}
