// Questions that are typed and not sent, kept in this browser for each chat.

import { Store } from "../core/store.js";
import { session } from "./session.js";

const PREFIX = "draft:";

class Drafts extends Store {
  /** @param {string} key */
  get(key) {
    return localStorage.getItem(this.#name(key)) ?? "";
  }

  /** @param {string} key @param {string} text */
  set(key, text) {
    if (text) localStorage.setItem(this.#name(key), text);
    else localStorage.removeItem(this.#name(key));
  }

  /** The text was sent. @param {string} key */
  forget(key) {
    this.set(key, "");
  }

  /** The text could not be sent: it is to be shown again, before what was typed since. @param {string} key @param {string} text */
  restore(key, text) {
    this.set(key, [text, this.get(key)].filter(Boolean).join("\n"));
    this.changed();
  }

  /** Forget all drafts, when the user signs out. */
  clear() {
    for (const name of Object.keys(localStorage)) if (name.startsWith(PREFIX)) localStorage.removeItem(name);
  }

  #name(key) {
    return `${PREFIX}${session.user?.id}:${key}`;
  }
}

export const drafts = new Drafts();
