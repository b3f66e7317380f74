// Questions that are typed and not sent, kept in this browser for each chat.

import { Store } from "../core/store.js";
import { session } from "./session.js";

const PREFIX = "draft:";
const HELD = ":held";

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

  /** Keep a text that is on its way to the server; "" once it is there. @param {string} key @param {string} text */
  hold(key, text) {
    this.set(`${key}${HELD}`, text);
  }

  /** A text that was on its way when the page was closed. @param {string} key */
  held(key) {
    return this.get(`${key}${HELD}`);
  }

  /** A text did not arrive: it is to be shown again, before what was typed since. @param {string} key */
  restore(key) {
    const text = this.held(key);
    if (!text) return;
    this.hold(key, "");
    this.set(key, [text, this.get(key)].filter(Boolean).join("\n"));
    this.changed();
  }

  /** The chat has got an id. @param {string} from @param {string} to */
  move(from, to) {
    for (const suffix of ["", HELD]) {
      this.set(`${to}${suffix}`, this.get(`${from}${suffix}`));
      this.set(`${from}${suffix}`, "");
    }
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
