// The text of answers: CommonMark with tables, footnotes, task boxes and formulas. No HTML, and no images.

import { footnotes, MarkdownIt, taskLists } from "../vendor/markdown/markdown.js";
import { drawFormulas, formulas } from "./math.js";
import { sanitized } from "./sanitize.js";

const ALLOWED_LINK = /^(?:https?:\/\/|mailto:)/i;

const options = { html: false, linkify: true, breaks: true };
const md = new MarkdownIt(options).use(footnotes).use(taskLists).use(formulas);
// Only addresses that say that they are: "notes.md" is no site, and "a@b.c" in a document is not to be written to.
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false }).add("ftp:", null).add("//", null);
md.validateLink = (/** @type {string} */ url) => ALLOWED_LINK.test(url.trim());

/** Finds the blocks of a text only. */
const splitter = new MarkdownIt(options).use(footnotes).use(formulas);
splitter.core.ruler.enableOnly(["normalize", "block"]);

const rules = /** @type {any} */ (md.renderer.rules);
// An image would be a request that tells a stranger who reads what, and when.
rules.image = (tokens, i) => {
  const name = md.utils.escapeHtml(tokens[i].content || "Image");
  return `<a href="${md.utils.escapeHtml(tokens[i].attrGet("src") ?? "")}">${name}</a>`;
};
// With `html: false`, the only HTML is the box of a task.
rules.html_inline = (tokens, i) => (tokens[i].content.startsWith("<input") ? `<span class="task-box">${/ checked/.test(tokens[i].content) ? "☑" : "☐"}</span>` : "");
rules.th_open = rules.td_open = (tokens, i, given, _env, self) => {
  const alignment = /right|center/.exec(tokens[i].attrGet("style") ?? "");
  tokens[i].attrs = alignment ? [["class", `is-${alignment[0]}`]] : null;
  return self.renderToken(tokens, i, given);
};

const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

/** Whether a text has footnotes or addresses that other blocks refer to, so that its blocks can't be drawn apart. @param {string} text */
export const refersAcross = (text) => DEFINITION.test(text);

/**
 * The sources of the blocks of a text. Joined, they are the text. The last one may not be complete.
 * @param {string} text
 * @returns {string[]}
 */
export function blocksOf(text) {
  const lines = text.split("\n");
  const starts = splitter
    .parse(text, {})
    .filter(({ level, map, nesting }) => level === 0 && map && nesting >= 0)
    .map(({ map }) => /** @type {[number, number]} */ (map)[0]);
  if (starts.length < 2) return text ? [text] : [];
  return starts.map((start, i) => {
    const from = i === 0 ? 0 : start;
    const block = lines.slice(from, starts[i + 1]).join("\n");
    return i < starts.length - 1 ? `${block}\n` : block;
  });
}

/**
 * The elements of a text.
 * @param {string} text
 * @param {string} [key] distinguishes the footnotes of different texts
 * @returns {DocumentFragment}
 */
export function markdown(text, key = "") {
  const fragment = sanitized(md.render(text, { docId: key.replace(/\W/g, "") }));
  for (const element of fragment.querySelectorAll("p, h1, h2, h3, h4, h5, h6, li, td, th")) element.setAttribute("dir", "auto");
  for (const table of fragment.querySelectorAll("table")) wrap(table, "table-frame");
  for (const code of fragment.querySelectorAll("pre")) wrap(code, "code-frame");
  for (const box of fragment.querySelectorAll(".task-box")) {
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", box.textContent === "☑" ? "Done" : "To do");
  }
  drawFormulas(fragment);
  return fragment;
}

/** @param {Element} element @param {string} className */
function wrap(element, className) {
  const frame = document.createElement("div");
  frame.className = className;
  element.replaceWith(frame);
  frame.append(element);
}
