// Where quotes stand in documents.

import { findQuote } from "../core/quote-search.js";

/** @import { PdfFile } from "../core/pdf.js" */
/** @import { Stretch } from "../core/quote-search.js" */
/** @import { Citation } from "./citations.js" */
/** @import { Passages } from "./passages.js" */

/** @typedef {{part: number, stretches: Stretch[]}[]} Places by part, which is a page of a PDF or the index of a passage; none if the quote was not found */

/**
 * On the page of the citation; or from the page before it, or on to the one after.
 * @param {Pick<Citation, "quote" | "page">} citation
 * @param {PdfFile} file
 * @returns {Promise<Places>}
 */
export async function placesInPdf({ quote, page }, file) {
  const part = page ?? 1;
  if (part > file.pages) return [];
  const found = findQuote(quote, (await file.text(part)).letters.text);
  if (found.share === 1) return [{ part, stretches: found.stretches }];
  const parts = [part - 1, part, part + 1].filter((number) => number >= 1 && number <= file.pages);
  const texts = await Promise.all(parts.map(async (number) => (await file.text(number)).letters.text));
  const across = findQuote(quote, texts.join(""));
  if (across.share > found.share) return byPart(across.stretches, parts, texts);
  return found.stretches.length ? [{ part, stretches: found.stretches }] : [];
}

/**
 * @param {Citation} citation
 * @param {Passages} passages
 * @returns {Promise<Places>}
 */
export async function placesInText(citation, passages) {
  const found = await passages.find(citation.quote, citation);
  return found ? [{ part: found.index, stretches: found.stretches }] : [];
}

/** @param {Stretch[]} stretches @param {number[]} parts @param {string[]} texts @returns {Places} */
function byPart(stretches, parts, texts) {
  let begin = 0;
  return parts.flatMap((part, index) => {
    const [from, to] = [begin, (begin += texts[index].length)];
    const here = stretches
      .filter(({ start, end }) => start < to && end > from)
      .map(({ start, end }) => ({ start: Math.max(start, from) - from, end: Math.min(end, to) - from }));
    return here.length ? [{ part, stretches: here }] : [];
  });
}
