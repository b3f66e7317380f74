// Access tokens of a user.

import { call, listAll } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").TokenView} Token */

/** @typedef {{name: string, expires_in_days: number | null, namespace_ids: number[] | null, max_level: number | null}} NewToken */

/** The tokens of the caller, or for administrators of somebody else. */
export class Tokens extends Store {
  /** @type {Token[] | null} null until they are loaded */
  items = null;

  /** @param {string} path */
  constructor(path) {
    super();
    this.path = path;
  }

  async load() {
    this.items = (await listAll(this.path)).reverse();
    this.changed();
  }

  /**
   * Create a token. The result has its text, which the server does not keep.
   * @param {NewToken} values
   * @returns {Promise<{id: number, name: string, token: string}>}
   */
  async create(values) {
    const created = await call("POST", this.path, values);
    await this.load();
    return created;
  }

  /** @param {number} id */
  async revoke(id) {
    await call("DELETE", `${this.path}/${id}`);
    this.items = this.items?.filter((item) => item.id !== id) ?? null;
    this.changed();
  }
}

export const tokens = new Tokens("/api/auth/tokens");
