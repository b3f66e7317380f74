// The text of a document, passage by passage, loaded from the beginning as far as it is needed.

import { call } from "../core/api.js";
import { lettersOf } from "../core/letters.js";
import { findQuote } from "../core/quote-search.js";

/** @import { Letters } from "../core/letters.js" */
/** @import { Stretch } from "../core/quote-search.js" */

/** @typedef {{ordinal: number, page: number | null, heading: string | null, text: string}} Passage */

const AT_ONCE = 200;

export class Passages {
  /** @type {Passage[]} */
  items = [];
  /** @type {number | null} null as long as it is not known */
  total = null;
  /** @type {Promise<void> | null} */
  #loading = null;
  /** @type {Map<Passage, Letters>} */
  #letters = new Map();

  /** @param {number} docId */
  constructor(docId) {
    this.docId = docId;
  }

  get isComplete() {
    return this.total !== null && this.items.length >= this.total;
  }

  /** Load the next passages. Throws a Problem. */
  loadMore() {
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #load() {
    const page = await call("GET", `/api/documents/${this.docId}/passages?limit=${AT_ONCE}&offset=${this.items.length}`);
    this.items = [...this.items, ...page.items];
    // An empty page ends the list, whatever the total says.
    this.total = page.items.length ? page.total : this.items.length;
  }

  /** Load up to a passage. @param {number} index whether there is such a passage */
  async loadUntil(index) {
    while (this.items.length <= index && !this.isComplete) await this.loadMore();
    return index < this.items.length;
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
    for (let index = 0; await this.loadUntil(index); index += 1) {
      const passage = this.items[index];
      if (page !== null && passage.page !== page) continue;
      const { text } = this.letters(index);
      const isLikely = page !== null || passage.heading === heading;
      // The slow search is for passages that are likely.
      const { share, stretches } = isLikely ? findQuote(quote, text) : whole(quote, text);
      if (share === 1) return { index, stretches };
      if (share > most) [most, best] = [share, { index, stretches }];
    }
    return best;
  }
}

/** @param {string} quote @param {string} text */
function whole(quote, text) {
  const letters = lettersOf([quote]).text;
  const start = letters ? text.indexOf(letters) : -1;
  return start < 0 ? { share: 0, stretches: [] } : { share: 1, stretches: [{ start, end: start + letters.length }] };
}
