// The text of a document, passage by passage, loaded where it is needed.

import { call } from "../core/api.js";
import { lettersOf } from "../core/letters.js";
import { findQuote } from "../core/quote-search.js";

/** @import { Letters } from "../core/letters.js" */
/** @import { Stretch } from "../core/quote-search.js" */

/** @typedef {import("../../api.js").PassageView} Passage */

/** @typedef {import("../../api.js").OutlineItem} Section */

const AT_ONCE = 100;

export class Passages {
  /** @type {Passage[]} those that are loaded, at their ordinals, which begin at 0 and have no gaps */
  items = [];
  /** @type {number | null} null as long as it is not known */
  total = null;
  /** @type {Map<number, Promise<void>>} by the first ordinal of each part that is loaded at once */
  #parts = new Map();
  /** @type {Map<Passage, Letters>} */
  #letters = new Map();
  /** @type {Promise<Section[]> | null} */
  #outline = null;

  /** @param {number} docId */
  constructor(docId) {
    this.docId = docId;
  }

  /** Load a passage, with those around it, and tell whether it exists. Throws a Problem. @param {number} index */
  async has(index) {
    if (index < 0 || (this.total !== null && index >= this.total)) return false;
    const begin = index - (index % AT_ONCE);
    let part = this.#parts.get(begin);
    if (!part) {
      part = this.#load(begin);
      this.#parts.set(begin, part);
      part.catch(() => this.#parts.delete(begin));
    }
    await part;
    return index in this.items;
  }

  /** @param {number} begin */
  async #load(begin) {
    const page = await call("GET", `/api/documents/${this.docId}/passages?limit=${AT_ONCE}&offset=${begin}`);
    const items = this.items.slice();
    page.items.forEach((/** @type {Passage} */ passage, /** @type {number} */ index) => (items[begin + index] = passage));
    this.items = items;
    this.total = page.total;
  }

  /** The sections of the document; none if it has no headings. */
  outline() {
    this.#outline ??= call("GET", `/api/documents/${this.docId}/outline`).then(
      ({ items }) => items,
      () => [],
    );
    return this.#outline;
  }

  /** The letters of a passage. @param {number} index */
  letters(index) {
    const passage = this.items[index];
    let letters = this.#letters.get(passage);
    if (!letters) {
      letters = lettersOf([passage.text]);
      this.#letters.set(passage, letters);
    }
    return letters;
  }

  /**
   * Where a quote stands: the whole quote in one passage, or else most of it in the one that has most of it.
   * @param {string} quote
   * @param {{page: number | null, heading: string | null}} hints what is known of the passage
   * @returns {Promise<{index: number, stretches: Stretch[]} | null>}
   */
  async find(quote, { page, heading }) {
    /** @type {{index: number, stretches: Stretch[]} | null} */
    let best = null;
    let most = 0;
    const begin = await this.#guess(page, heading);
    for (let index = begin, isAround = false; !isAround || index < begin; index += 1) {
      if (!(await this.has(index))) {
        if (isAround) break;
        [index, isAround] = [-1, true];
        continue;
      }
      const passage = this.items[index];
      const isLikely = page !== null ? passage.page === page : passage.heading === heading;
      // The slow search is for passages that are likely.
      const { share, stretches } = (isLikely ? findQuote : whole)(quote, this.letters(index).text);
      if (share === 1) return { index, stretches };
      if (share > most) [most, best] = [share, { index, stretches }];
    }
    return best;
  }

  /** The index of the first passage of a page, or 0. @param {number} page */
  async indexOfPage(page) {
    if (page === 1) return 0;
    const { items } = await call("GET", `/api/documents/${this.docId}/passages?limit=1&page=${page}`);
    return items[0]?.ordinal ?? 0;
  }

  /** Where to begin to search. @param {number | null} page @param {string | null} heading */
  async #guess(page, heading) {
    if (page !== null) return this.indexOfPage(page);
    let sections = heading ? await this.outline() : [];
    let begin = 0;
    for (const part of heading?.split(" > ") ?? []) {
      const section = sections.find((one) => one.heading === part);
      if (!section) break;
      [begin, sections] = [section.ordinal, section.children];
    }
    return begin;
  }
}

/** @param {string} quote @param {string} text */
function whole(quote, text) {
  const letters = lettersOf([quote]).text;
  const start = letters ? text.indexOf(letters) : -1;
  return start < 0 ? { share: 0, stretches: [] } : { share: 1, stretches: [{ start, end: start + letters.length }] };
}
