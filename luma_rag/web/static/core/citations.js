// Citations [n] in the text of answers.

/** @import { Citation } from "../stores/conversation.js" */

const NUMBERS = String.raw`\[\d{1,3}(?:\s*,\s*\d{1,3})*\]`;
const RUN = new RegExp(String.raw`((?:${NUMBERS})+(?:\s(?:${NUMBERS})+)*)([.,;:!?)]*)`, "g");
const LIST = /\[([\d,\s]+)\]/g;

/**
 * Replace the citations below `root` by links. Each text is still `[n]`, so that a copied "2022 [1]" is not "20221".
 * @param {DocumentFragment | Element} root
 * @param {(n: number) => Element | null} cite the link of a citation; null if there is no such source
 */
export function linkCitations(root, cite) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    /** @type {Text} */ (node).parentElement?.closest("code, pre, a, .math") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.nodeValue?.includes("[")) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts) linkText(text, cite);
}

/** @param {Text} text @param {(n: number) => Element | null} cite */
function linkText(text, cite) {
  const content = text.data;
  const parts = [];
  let end = 0;
  for (const match of content.matchAll(RUN)) {
    const links = numbersIn(match[1]).map(cite);
    if (links.some((link) => link === null)) continue;
    // They wrap together, and with the punctuation that follows them.
    const group = document.createElement("span");
    group.className = "cites";
    group.append(.../** @type {Element[]} */ (links), match[2]);
    parts.push(content.slice(end, match.index), group);
    end = match.index + match[0].length;
  }
  if (parts.length) text.replaceWith(...parts, content.slice(end));
}

/** @param {string} text */
const numbersIn = (text) => [...text.matchAll(LIST)].flatMap(([, list]) => list.split(",").map(Number));

/**
 * "Employee handbook, page 17".
 * @param {Citation} citation
 */
export const placeOf = ({ title, page }) => (page === null ? title : `${title}, page ${page}`);

/**
 * The text of an answer with its sources below, as it is copied.
 * @param {string} text
 * @param {Citation[]} citations
 */
export function withSources(text, citations) {
  if (!citations.length) return text.trim();
  return `${text.trim()}\n\nSources:\n${citations.map((citation) => `[${citation.n}] ${placeOf(citation)}`).join("\n")}\n`;
}
