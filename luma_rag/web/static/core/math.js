// Formulas in Markdown: \(…\) and \[…\], $$…$$, and $…$ where it is one ("$83 billion … $90 billion" is none).

import { sanitizedMath } from "./sanitize.js";

const OPERATORS = /[\\^_=<>+*/|≤≥≈≠∈∑∫√π-]/;
const WORD = /(?<![\\A-Za-z])[A-Za-z]{3,}/g;
const FUNCTIONS = /^(?:sin|cos|tan|log|exp|lim|max|min|arg|det|mod|gcd|var|cov)$/i;

/** A plugin of markdown-it. Formulas become `<span class="math">` with their source. */
export function formulas(md) {
  md.inline.ruler.before("escape", "formula", inlineFormula);
  md.block.ruler.before("fence", "formula_block", blockFormula, { alt: ["paragraph", "reference", "blockquote", "list"] });
  md.renderer.rules.formula = (tokens, i) => {
    const { content, markup } = tokens[i];
    const html = `<span class="math${markup === "block" ? " is-block" : ""}">${md.utils.escapeHtml(content)}</span>`;
    return tokens[i].block ? `<p>${html}</p>\n` : html;
  };
}

/** Opening, closing, and whether the formula stands on lines of its own. @type {[string, string, boolean][]} */
const DELIMITERS = [
  ["$$", "$$", true],
  ["\\[", "\\]", true],
  ["\\(", "\\)", false],
];

function inlineFormula(state, silent) {
  const { src, pos, posMax } = state;
  for (const [opening, closing, isBlock] of DELIMITERS) {
    if (!src.startsWith(opening, pos)) continue;
    const end = src.indexOf(closing, pos + opening.length);
    const content = src.slice(pos + opening.length, end);
    if (end < 0 || end >= posMax || !content.trim()) return false;
    return push(state, silent, content.trim(), end + closing.length, isBlock);
  }
  if (src[pos] !== "$" || /[\w$\\]/.test(src[pos - 1] ?? "") || /[\s$]/.test(src[pos + 1] ?? " ")) return false;
  const end = src.indexOf("$", pos + 1);
  const content = src.slice(pos + 1, end);
  if (end < 0 || end >= posMax || /\s/.test(src[end - 1]) || /\w/.test(src[end + 1] ?? "")) return false;
  return looksLikeFormula(content) && push(state, silent, content, end + 1, false);
}

function push(state, silent, content, end, isBlock) {
  if (!silent) {
    const token = state.push("formula", "span", 0);
    token.content = content;
    token.markup = isBlock ? "block" : "inline";
    token.block = false;
  }
  state.pos = end;
  return true;
}

/** Whether the text between two dollar signs is a formula, rather than prices or names of variables in a shell. */
export function looksLikeFormula(text) {
  if (text.length > 300 || /\n\s*\n/.test(text)) return false;
  if (/^[A-Za-z]['′]?$/.test(text)) return true;
  if (/^\d[\d.,]*$/.test(text)) return false;
  const words = text.match(WORD)?.filter((word) => !FUNCTIONS.test(word)) ?? [];
  if (text.includes("\\") || /[\^{}]/.test(text)) return words.length < 4;
  return words.length === 0 && (OPERATORS.test(text) || /^[A-Za-z]{1,2}\([\w, ]*\)$|^\d+[A-Za-z]$/.test(text));
}

function blockFormula(state, startLine, endLine, silent) {
  const start = state.bMarks[startLine] + state.tShift[startLine];
  const found = DELIMITERS.find(([opening, , isBlock]) => isBlock && state.src.startsWith(opening, start));
  if (!found || state.sCount[startLine] - state.blkIndent >= 4) return false;
  const [opening, closing] = found;
  let line = startLine;
  let from = start + opening.length;
  for (; line < endLine; line += 1) {
    const text = state.src.slice(from, state.eMarks[line]).trimEnd();
    const end = text.indexOf(closing);
    if (end >= 0 && end + closing.length < text.length) return false;
    if (end >= 0) break;
    if (line > startLine && text === "") return false;
    from = state.bMarks[line + 1] + Math.min(state.tShift[line + 1] ?? 0, state.blkIndent);
  }
  if (line >= endLine) return false;
  if (silent) return true;
  const source = state.getLines(startLine, line + 1, state.blkIndent, false).trim();
  const token = state.push("formula", "span", 0);
  token.content = source.slice(opening.length, source.lastIndexOf(closing)).trim();
  token.markup = "block";
  token.block = true;
  token.map = [startLine, line + 1];
  state.line = line + 1;
  return true;
}

/** @type {any} KaTeX, once there is a formula */
let katex = null;

/**
 * Replace the sources of formulas below `root` by MathML, now if KaTeX is loaded, or soon.
 * @param {ParentNode} root
 */
export function drawFormulas(root) {
  const places = [...root.querySelectorAll(".math")];
  if (places.length === 0) return;
  if (katex) places.forEach(draw);
  else
    import("../vendor/katex/katex.js").then((module) => {
      katex = module.katex;
      places.forEach(draw);
    });
}

/** @param {Element} place */
function draw(place) {
  const source = place.textContent ?? "";
  const displayMode = place.classList.contains("is-block");
  try {
    const html = katex.renderToString(source, { output: "mathml", displayMode, trust: false, strict: false, maxSize: 20, maxExpand: 200 });
    place.replaceChildren(sanitizedMath(html));
  } catch {
    // Not a formula that KaTeX knows: its source stays.
    place.classList.add("is-source");
  }
}
