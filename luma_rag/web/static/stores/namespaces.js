// The namespaces that the user can read.

import { call, listAll, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { events } from "./events.js";
import { GatheredRefresh } from "./gathered-refresh.js";

/** @typedef {import("../../api.js").NamespaceView} Namespace */

export const READ = 1;
export const WRITE = 2;
export const MANAGE = 3;

class Namespaces extends Store {
  /** @type {Namespace[]} */
  items = [];
  isLoaded = false;

  start() {
    for (const name of ["namespaces", "connected"]) events.on(name, () => this.load());
    // The numbers of documents change all the time while many are read.
    const counts = new GatheredRefresh(() => this.load());
    events.on("documents", () => counts.soon());
  }

  async load() {
    try {
      this.items = await listAll("/api/namespaces");
      this.isLoaded = true;
    } catch (problem) {
      // The list stays as it is; the next event or connection loads it again.
      if (!(problem instanceof Problem)) throw problem;
    }
    this.changed();
  }

  /** @param {number | null} id */
  get(id) {
    return this.items.find((namespace) => namespace.id === id) ?? null;
  }

  /** @param {{name: string, description?: string | null, is_public?: boolean}} values */
  async create(values) {
    const namespace = await call("POST", "/api/namespaces", values);
    await this.load();
    return namespace;
  }

  /** @param {number} id @param {object} values */
  async change(id, values) {
    await call("PATCH", `/api/namespaces/${id}`, values);
    await this.load();
  }

  /** @param {number} id */
  async remove(id) {
    await call("DELETE", `/api/namespaces/${id}`);
    await this.load();
  }
}

export const namespaces = new Namespaces();
