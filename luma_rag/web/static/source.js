// The source sheet: the cited passage in its document with the quote highlighted.

import { listAll, Problem } from "./api.js";
import { byId, el, icon, iconButton } from "./dom.js";

const GONE = "The document is no longer available. The quote is shown as it was cited.";

/** The URL of a document's file. PDF viewers support `#page=`. */
export const fileUrl = (docId, page = null) => `/api/documents/${docId}/file${page === null ? "" : `#page=${page}`}`;

/** The location of a citation in its document: "Page 5 · Leave > Annual leave". */
export function locationOf({ page, heading }) {
  return [page === null ? null : `Page ${page}`, heading].filter(Boolean).join(" · ");
}

/** Show a citation: its quote at once, then the surrounding text. */
export function showCitation(citation) {
  const { doc_id: docId, page, title, quote } = citation;
  const text = el("div", { class: "sheet-text" }, el("blockquote", { class: "quote" }, quote));
  if (docId === null) {
    showSheet(title, locationOf(citation), el("p", { class: "muted" }, GONE), text);
    return;
  }
  const open = el(
    "a",
    { class: "button primary", href: fileUrl(docId, page), target: "_blank", rel: "noopener" },
    icon("open"),
    page === null ? "Open file" : `Open page ${page}`,
  );
  showSheet(title, locationOf(citation), open, text);
  loadPassages(docId, page, text, quote);
}

/** Show the full text of a document. */
export function showDocument({ id, title }) {
  const open = el("a", { class: "button", href: fileUrl(id), target: "_blank", rel: "noopener" }, icon("open"), "Open file");
  const text = el("div", { class: "sheet-text" }, el("p", { class: "muted" }, "Loading…"));
  showSheet(title, "", open, text);
  loadPassages(id, null, text, null);
}

function showSheet(title, place, action, text) {
  const dialog = byId("source");
  dialog.replaceChildren(
    el(
      "header",
      { class: "sheet-head" },
      el("h2", { id: "source-heading" }, title),
      iconButton("close", "Close", () => dialog.close()),
      place && el("p", { class: "muted", id: "source-place" }, place),
    ),
    el("div", { class: "sheet-actions" }, action),
    text,
  );
  // A click on the backdrop is a click on the dialog itself.
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
}

async function loadPassages(docId, page, target, quote) {
  let passages;
  try {
    passages = await listAll(`/api/documents/${docId}/passages${page === null ? "" : `?page=${page}`}`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    target.append(el("p", { class: "muted" }, problem.status === 404 && quote ? GONE : problem.message));
    return;
  }
  let mark = null;
  let heading = null;
  const parts = passages.flatMap((passage) => {
    const body = el("p", { class: "passage" });
    mark = fill(body, passage.text, mark ? null : quote) ?? mark;
    const isNew = page === null && passage.heading && passage.heading !== heading;
    heading = passage.heading;
    if (!isNew) return [body];
    // If the text begins with its heading, style that line as the heading.
    const startsWithHeading = passage.text.startsWith(heading.split(" > ").at(-1));
    body.classList.toggle("headed", startsWithHeading);
    return startsWithHeading ? [body] : [el("h3", {}, heading), body];
  });
  if (quote && !mark) {
    target.append(el("h3", {}, "Surrounding text"), ...parts);
  } else {
    target.replaceChildren(...parts);
    mark?.scrollIntoView({ block: "center" });
  }
}

/** Fill `body` with `text` and highlight the quote. Returns the mark, or null if the quote is not in the text. */
function fill(body, text, quote) {
  const match = quote && findQuote(text, quote);
  if (!match) {
    body.textContent = text;
    return null;
  }
  const mark = el("mark", {}, match[0]);
  body.append(text.slice(0, match.index), mark, text.slice(match.index + match[0].length));
  return mark;
}

/** Find the quote in the text, ignoring line breaks and the ellipses of a shortened quote. */
export function findQuote(text, quote) {
  const words = quote.replace(/^[\s…]+|[\s…]+$/g, "").split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  return new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+")).exec(text);
}
