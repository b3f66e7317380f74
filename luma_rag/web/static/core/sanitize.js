// What may stand in the text of a model or a document. Everything else is removed.

import { DOMPurify } from "../vendor/dompurify/dompurify.js";

const TEXT = {
  ALLOWED_TAGS: [
    ...["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code"],
    ...["strong", "em", "s", "a", "sup", "section", "span", "table", "thead", "tbody", "tr", "th", "td"],
  ],
  ALLOWED_ATTR: ["href", "id", "class", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#fn)/i,
  // Not an address.
  ADD_URI_SAFE_ATTR: ["start"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: /** @type {const} */ (true),
};

const MATH = {
  ALLOWED_TAGS: [
    ...["math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "merror", "mpadded", "mphantom"],
    ...["menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd", "semantics"],
  ],
  ALLOWED_ATTR: [
    ...["accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle", "fence", "height", "linethickness"],
    ...["lspace", "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowalign", "rowlines", "rowspacing", "rspace", "scriptlevel"],
    ...["separator", "stretchy", "symmetric", "voffset", "width", "xmlns"],
  ],
  FORBID_CONTENTS: ["annotation", "annotation-xml"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: /** @type {const} */ (true),
};

/**
 * Elements for HTML that was made of Markdown. Links open in a new tab, and tell nobody where they stood.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function sanitized(html) {
  const fragment = DOMPurify.sanitize(html, TEXT);
  for (const link of fragment.querySelectorAll("a")) {
    if (link.getAttribute("href")?.startsWith("#")) continue;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  return fragment;
}

/**
 * Elements for MathML.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export const sanitizedMath = (html) => DOMPurify.sanitize(html.replace(/ style="[^"]*"/g, ""), MATH);
