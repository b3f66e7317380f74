// Short notices about what belongs to no form and no row.

import { Store } from "../core/store.js";

const SHOWN_MS = 8000;

/** @typedef {{id: number, text: string, isError: boolean, action: {label: string, run: () => void} | null}} Notice */

/** The notices on the screen, oldest first. */
class Notices extends Store {
  /** @type {Notice[]} */
  items = [];
  #last = 0;

  /**
   * Show a notice for some seconds, or until it is dismissed. An error stays until it is dismissed.
   * @param {string} text
   * @param {{isError?: boolean, action?: {label: string, run: () => void} | null}} [options]
   */
  show(text, { isError = false, action = null } = {}) {
    const id = (this.#last += 1);
    this.items = [...this.items.filter((item) => item.text !== text), { id, text, isError, action }].slice(-3);
    this.changed();
    if (!isError) setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** @param {number} id */
  dismiss(id) {
    this.items = this.items.filter((item) => item.id !== id);
    this.changed();
  }

  /** Show the message of a failed request. @param {unknown} error */
  showError(error) {
    this.show(error instanceof Error ? error.message : String(error), { isError: true });
  }
}

export const notices = new Notices();
