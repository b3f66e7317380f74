// The browsers in which a user is signed in.

import { call, listAll } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").SessionView} SignedInSession */

/** The sessions of the caller, or for administrators of somebody else. */
export class Sessions extends Store {
  /** @type {SignedInSession[] | null} null until they are loaded */
  items = null;

  /** @param {string} path */
  constructor(path) {
    super();
    this.path = path;
  }

  async load() {
    this.items = await listAll(this.path);
    this.changed();
  }

  /** @param {number} id */
  async end(id) {
    await call("DELETE", `${this.path}/${id}`);
    this.items = this.items?.filter((item) => item.id !== id) ?? null;
    this.changed();
  }

  async endOthers() {
    for (const { id, is_current: isCurrent } of this.items ?? []) {
      if (!isCurrent) await this.end(id);
    }
  }
}

export const sessions = new Sessions("/api/auth/sessions");
