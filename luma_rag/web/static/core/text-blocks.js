// Headings, paragraphs, lists and tables in the text of a passage, as far as the text shows them.

/**
 * A part of the text, from `start` to `end`.
 * @typedef {{start: number, end: number}} Span
 *
 * @typedef {{kind: "heading", level: number, span: Span}
 *   | {kind: "paragraph", span: Span}
 *   | {kind: "list", items: {depth: number, label: Span, span: Span}[]}
 *   | {kind: "table", rows: Span[][]}} Block
 */

/** Indentation, label, and the space before the text. */
const ITEM = /^(\s*)([•◦▪‣·*–-]|\(?(?:\d{1,3}|[a-z]|[ivxlc]{1,6})(?:\.\d{1,3})*[.)])(\s+)(?=\S)/i;
const INDENT = 2;
const DEEPEST = 4;
const CELLS = " | ";

/**
 * The blocks of a passage. It has a line for each of its paragraphs, items and rows, and begins with its headings; on a
 * printed page, lines end where they were printed.
 * @param {{text: string, heading: string | null, page: number | null}} passage
 * @param {string} type of the document
 * @returns {Block[]}
 */
export function blocksOf({ text, heading, page }, type) {
  const path = heading?.split(" > ") ?? [];
  if (page !== null && type === "pdf") return paragraphs(text);
  /** @type {Block[]} */
  const blocks = [];
  let isAtHead = true;
  for (const span of lines(text)) {
    const line = text.slice(span.start, span.end);
    const level = isAtHead ? path.indexOf(line.trim()) : -1;
    isAtHead &&= level >= 0;
    if (level >= 0) blocks.push({ kind: "heading", level: level + 1, span });
    else if (line.includes(CELLS)) addRow(blocks, cellsOf(text, span));
    else if (ITEM.test(line)) addItem(blocks, itemOf(line, span));
    else blocks.push({ kind: "paragraph", span });
  }
  return blocks.map((block) => (block.kind === "table" && block.rows.length === 1 ? asParagraph(block.rows[0]) : block));
}

/** @param {string} text @returns {Block[]} */
function paragraphs(text) {
  return [...text.matchAll(/\S(?:(?!\n\s*\n)[^])*/g)].map(({ 0: found, index }) => ({
    kind: /** @type {const} */ ("paragraph"),
    span: { start: index, end: index + found.trimEnd().length },
  }));
}

/** Lines that are not empty. @param {string} text @returns {Span[]} */
function lines(text) {
  return [...text.matchAll(/[^\n]*\S[^\n]*/g)].map(({ 0: line, index }) => ({ start: index, end: index + line.length }));
}

/** @param {string} text @param {Span} line @returns {Span[]} */
function cellsOf(text, { start, end }) {
  const cells = [];
  let from = start;
  for (let bar = text.indexOf(CELLS, from); bar >= 0 && bar < end; bar = text.indexOf(CELLS, from)) {
    cells.push({ start: from, end: bar });
    from = bar + CELLS.length;
  }
  return [...cells, { start: from, end }];
}

/** @param {Block[]} blocks @param {Span[]} row */
function addRow(blocks, row) {
  const last = blocks.at(-1);
  if (last?.kind === "table") last.rows.push(row);
  else blocks.push({ kind: "table", rows: [row] });
}

/** @param {string} line @param {Span} span */
function itemOf(line, { start, end }) {
  const [, indent, label, space] = /** @type {RegExpExecArray} */ (ITEM.exec(line));
  const from = start + indent.length;
  const text = { start: from + label.length + space.length, end };
  return { depth: Math.min(DEEPEST, Math.floor(indent.length / INDENT)), label: { start: from, end: from + label.length }, span: text };
}

/** @param {Block[]} blocks @param {{depth: number, label: Span, span: Span}} item */
function addItem(blocks, item) {
  const last = blocks.at(-1);
  if (last?.kind === "list") last.items.push(item);
  else blocks.push({ kind: "list", items: [item] });
}

/** One line with a bar is not a table. @param {Span[]} row @returns {Block} */
const asParagraph = (row) => ({ kind: "paragraph", span: { start: row[0].start, end: /** @type {Span} */ (row.at(-1)).end } });
