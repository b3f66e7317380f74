// Renders an answer's text as elements: paragraphs, headings, lists, quotes, code, bold, and citations [n].
// Everything else remains plain text; nothing is parsed as HTML.

import { el } from "./dom.js";

const INLINE = /(`[^`\n]+`)|(\*\*[^*\n](?:[^\n]*?[^*\n])?\*\*)|((?:\[\d+(?:\s*,\s*\d+)*\])+[.,;:!?]*)/g;
const BULLET = /^\s*[-*•]\s+/;
const NUMBER = /^\s*\d+[.)]\s+/;
const HEADING = /^#{1,6}\s+/;
const QUOTE = /^>\s?/;

/** The elements of `text`. `cite(n)` returns the element for citation n, or null if there is no such citation. */
export function format(text, cite) {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"), cite);
}

/** The citation numbers in `text`. */
export function citedNumbers(text) {
  return new Set([...text.matchAll(/\[(\d+(?:\s*,\s*\d+)*)\]/g)].flatMap(([, list]) => list.split(",").map(Number)));
}

function blocks(lines, cite) {
  const elements = [];
  let i = 0;
  const takeWhile = (fits) => {
    const start = i;
    while (i < lines.length && fits(lines[i])) i += 1;
    return lines.slice(start, i);
  };
  while (i < lines.length) {
    const line = lines[i];
    if (!line.trim()) {
      i += 1;
    } else if (line.startsWith("```")) {
      i += 1;
      const code = takeWhile((codeLine) => !codeLine.startsWith("```"));
      i += 1;
      elements.push(el("pre", {}, el("code", {}, code.join("\n"))));
    } else if (HEADING.test(line)) {
      i += 1;
      elements.push(el("p", { class: "answer-heading" }, inline(line.replace(HEADING, ""), cite)));
    } else if (QUOTE.test(line)) {
      const quoted = takeWhile((next) => QUOTE.test(next)).map((next) => next.replace(QUOTE, ""));
      elements.push(el("blockquote", {}, blocks(quoted, cite)));
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      elements.push(list(line, takeWhile, cite));
    } else {
      const paragraph = takeWhile((next) => next.trim() && !startsBlock(next));
      elements.push(el("p", {}, paragraph.flatMap((part, n) => (n ? [el("br"), ...inline(part, cite)] : inline(part, cite)))));
    }
  }
  return elements;
}

function startsBlock(line) {
  return line.startsWith("```") || [HEADING, QUOTE, BULLET, NUMBER].some((start) => start.test(line));
}

function list(first, takeWhile, cite) {
  const mark = BULLET.test(first) ? BULLET : NUMBER;
  // Indented lines continue an item.
  const lines = takeWhile((line) => mark.test(line) || /^\s+\S/.test(line));
  const items = [];
  for (const line of lines) {
    if (mark.test(line)) items.push(line.replace(mark, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const start = mark === NUMBER ? Number.parseInt(first, 10) : undefined;
  return el(mark === BULLET ? "ul" : "ol", { start }, items.map((item) => el("li", {}, inline(item, cite))));
}

function inline(text, cite) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    const [whole, code, bold, citation] = match;
    if (code) parts.push(el("code", {}, code.slice(1, -1)));
    else if (bold) parts.push(el("strong", {}, inline(bold.slice(2, -2), cite)));
    else parts.push(citations(citation, cite));
    end = match.index + whole.length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** Adjacent citations with their trailing punctuation, so that a period never starts a line. */
function citations(text, cite) {
  const parts = text.split(/\[([^\]]*)\]/).flatMap((part, i) => {
    if (i % 2 === 0) return part;
    const found = part.split(",").map((n) => cite(Number(n)));
    return found.every(Boolean) ? found : `[${part}]`;
  });
  return el("span", { class: "cites" }, parts);
}
