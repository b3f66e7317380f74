// The audit trail, for administrators: newest events first, as far as they are loaded.

import { call } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").Event & {about: Record<string, any>}} AuditEvent */

/** @typedef {{action: string, actor_id: string, since: string, until: string}} AuditFilter empty strings for anything */

const PAGE = 50;

class Audit extends Store {
  /** @type {AuditFilter} */
  filter = { action: "", actor_id: "", since: "", until: "" };
  /** @type {AuditEvent[] | null} null until they are loaded */
  items = null;
  total = 0;
  #generation = 0;

  /** Load the first events that match. @param {Partial<AuditFilter>} [filter] changes of the filter */
  async load(filter = {}) {
    this.filter = { ...this.filter, ...filter };
    const generation = (this.#generation += 1);
    const page = await call("GET", this.#path(0));
    if (generation !== this.#generation) return;
    this.items = page.items;
    this.total = page.total;
    this.changed();
  }

  async loadMore() {
    const generation = this.#generation;
    const items = this.items ?? [];
    const page = await call("GET", this.#path(items.length));
    if (generation !== this.#generation) return;
    // Events that came in the meantime have moved the others.
    const shown = new Set(items.map(({ id }) => id));
    this.items = [...items, ...page.items.filter((/** @type {AuditEvent} */ event) => !shown.has(event.id))];
    this.total = page.total;
    this.changed();
  }

  /** The address of a file with all events that match. @param {"csv" | "jsonl"} format */
  exportPath(format) {
    return `/api/audit/export?${this.#query({ format })}`;
  }

  /** @param {number} offset */
  #path(offset) {
    return `/api/audit?${this.#query({ limit: String(PAGE), offset: String(offset) })}`;
  }

  /** @param {Record<string, string>} more */
  #query(more) {
    const { since, until, ...rest } = this.filter;
    // Days of the user's calendar. `until` includes its day.
    const values = { ...rest, ...more, since: since && startOf(since, 0), until: until && startOf(until, 1) };
    return new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  }
}

/** @param {string} day such as "2026-01-31" @param {number} later days to add */
function startOf(day, later) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

export const audit = new Audit();
