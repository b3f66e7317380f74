// What readers think of answers, for administrators: newest first, as far as it is loaded.

import { call } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").GivenFeedback} Feedback */

const PAGE = 50;

class FeedbackStore extends Store {
  /** "1", "-1", or empty for any. */
  rating = "";
  /** @type {Feedback[] | null} null until it is loaded */
  items = null;
  total = 0;
  #generation = 0;

  /** @param {string} [rating] */
  async load(rating = this.rating) {
    this.rating = rating;
    await this.#add([]);
  }

  async loadMore() {
    await this.#add(this.items ?? []);
  }

  /** Load the page that follows `items`. @param {Feedback[]} items */
  async #add(items) {
    const generation = (this.#generation += 1);
    const filter = this.rating && `rating=${this.rating}&`;
    const page = await call("GET", `/api/feedback?${filter}limit=${PAGE}&offset=${items.length}`);
    if (generation !== this.#generation) return;
    const shown = new Set(items.map(({ message_id: id }) => id));
    this.items = [...items, ...page.items.filter((/** @type {Feedback} */ item) => !shown.has(item.message_id))];
    this.total = page.total;
    this.changed();
  }
}

export const feedback = new FeedbackStore();
