// A list of documents, of a namespace or of the user.
//
// A list is read page by page as it is scrolled. What the server tells about an ingestion is applied to the row in
// place; lists are read again only when something is new, and then once for many changes.

import { call, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { GatheredRefresh } from "./gathered-refresh.js";

/** @typedef {import("../../api.js").ReadingWarning} Warning */

/** @typedef {import("../../api.js").IngestionView} Ingestion */

/**
 * @typedef {object} Doc
 * @property {number} id
 * @property {number} user_id its owner
 * @property {string} username
 * @property {string} title
 * @property {string} type
 * @property {boolean} is_public
 * @property {{original_filename?: string}} file_metadata
 * @property {number} size
 * @property {number | null} pages
 * @property {Warning[]} warnings what could not be read
 * @property {string} uploaded_at
 * @property {"read" | "write"} permission
 * @property {State | "unplaced"} state
 * @property {Ingestion | null} [ingestion] the latest in this namespace
 * @property {string | null} [added_at] to this namespace
 * @property {{id: number, username: string} | null} [added_by] to this namespace
 */

/** @typedef {"" | "ready" | "pending" | "failed"} State of a document: any, searchable, being read, unreadable */
/** @typedef {Record<"all" | "ready" | "pending" | "failed", number>} Summary */

const PAGE = 100;
const MOST_PER_REQUEST = 200;
const TYPING_MS = 200;

/** One list, with what is searched, sorted and selected in it. */
export class DocumentList extends Store {
  /** @type {Doc[]} the first rows, as far as they have been read */
  items = [];
  total = 0;
  /** @type {Summary | null} how many there are in each state, whatever is searched */
  summary = null;
  isLoaded = false;
  isLoading = false;
  /** @type {Problem | null} why the list could not be read */
  problem = null;
  query = { q: "", state: /** @type {Doc["state"]} */ (""), sort: "-added", scope: "" };
  /** @type {Map<number, Doc>} */
  selected = new Map();

  #path = "";
  #generation = 0;
  #anchor = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing = undefined;
  /** Reads all shown rows again, once for many changes. */
  refreshing = new GatheredRefresh(() => this.refresh());

  /** The address of the list, without what is searched. */
  get path() {
    return this.#path;
  }

  /** Show another list. @param {string} path */
  async openPath(path) {
    if (path === this.#path) return;
    this.close();
    this.#path = path;
    await this.#restart();
  }

  /** Forget everything. */
  close() {
    clearTimeout(this.#typing);
    this.refreshing.cancel();
    this.#path = "";
    this.#generation += 1;
    this.items = [];
    this.total = 0;
    this.summary = null;
    this.isLoaded = this.isLoading = false;
    this.problem = null;
    this.query = { ...this.query, q: "", state: "" };
    this.selected.clear();
    this.changed();
  }

  /** Search, filter or sort otherwise. @param {Partial<DocumentList["query"]>} query */
  find(query) {
    const isTyping = "q" in query;
    this.query = { ...this.query, ...query };
    this.selected.clear();
    this.changed();
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#restart(), isTyping ? TYPING_MS : 0);
  }

  get isNarrowed() {
    return this.query.q !== "" || this.query.state !== "";
  }

  /** Read the next page, when the end of the rows comes into view. */
  async loadMore() {
    if (this.isLoading || this.problem || this.items.length >= this.total) return;
    await this.#read(this.items.length, PAGE);
  }

  /** Try again after a failure. */
  async retryLoading() {
    this.problem = null;
    await (this.isLoaded ? this.loadMore() : this.#restart());
  }

  /** Read all rows that have been shown again. */
  async refresh() {
    this.refreshing.cancel();
    if (this.#path) await this.#read(0, Math.max(PAGE, this.items.length));
  }

  /** @param {number} id */
  get(id) {
    return this.items.find((doc) => doc.id === id) ?? null;
  }

  /** Change a row in place. @param {number} id @param {Partial<Doc>} values */
  patch(id, values) {
    const index = this.items.findIndex((doc) => doc.id === id);
    if (index < 0) return false;
    const [before, after] = [this.items[index], { ...this.items[index], ...values }];
    this.items[index] = after;
    if (this.selected.has(id)) this.selected.set(id, after);
    this.#count(before.state, -1);
    this.#count(after.state, 1);
    this.changed();
    return true;
  }

  /** Put a new document on top. @param {Doc} doc */
  insert(doc) {
    if (this.patch(doc.id, doc)) return;
    if (this.isNarrowed || this.query.sort !== "-added") return this.refreshing.soon();
    this.items.unshift(doc);
    this.total += 1;
    this.#count("all", 1);
    this.#count(doc.state, 1);
    this.changed();
  }

  /** Take a row out. @param {number} id */
  drop(id) {
    const doc = this.get(id);
    this.selected.delete(id);
    if (!doc) return;
    this.items = this.items.filter((item) => item !== doc);
    this.total -= 1;
    this.#count("all", -1);
    this.#count(doc.state, -1);
    this.changed();
  }

  /**
   * Select a row or not; with `isRange`, all rows from the last one that was clicked.
   * @param {Doc} doc @param {boolean} isSelected @param {boolean} [isRange]
   */
  select(doc, isSelected, isRange = false) {
    const index = this.items.indexOf(doc);
    const from = isRange && this.#anchor >= 0 ? this.#anchor : index;
    for (const item of this.items.slice(Math.min(from, index), Math.max(from, index) + 1)) {
      if (isSelected) this.selected.set(item.id, item);
      else this.selected.delete(item.id);
    }
    this.#anchor = index;
    this.changed();
  }

  /** Select all that is found, also what has not been shown yet. */
  async selectAll() {
    while (this.items.length < this.total && !this.problem) await this.#read(this.items.length, MOST_PER_REQUEST);
    for (const doc of this.items) this.selected.set(doc.id, doc);
    this.changed();
  }

  selectNone() {
    this.selected.clear();
    this.changed();
  }

  /** @param {string} what @param {number} by */
  #count(what, by) {
    if (this.summary && what in this.summary) this.summary = { ...this.summary, [what]: this.summary[/** @type {keyof Summary} */ (what)] + by };
  }

  /** The numbers of documents in each state, if they are of interest. @returns {Promise<Summary | null>} */
  async readSummary() {
    return null;
  }

  async #restart() {
    this.#anchor = -1;
    this.problem = null;
    await this.#read(0, PAGE);
  }

  /**
   * Read rows from `offset` on; an answer to what is no longer asked is dropped.
   * @param {number} offset @param {number} wanted
   */
  async #read(offset, wanted) {
    const generation = (this.#generation += 1);
    const isStale = () => generation !== this.#generation;
    this.isLoading = true;
    this.changed();
    /** @type {Doc[]} */
    const found = [];
    const counting = offset === 0 ? this.readSummary() : null;
    try {
      for (let isLast = false; !isLast; ) {
        const limit = Math.min(MOST_PER_REQUEST, wanted - found.length);
        const page = await call("GET", this.#address(offset + found.length, limit));
        if (isStale()) return;
        found.push(...page.items);
        this.total = page.total;
        isLast = page.items.length < limit || found.length >= wanted;
      }
      if (offset === 0) {
        const summary = await counting;
        if (isStale()) return;
        this.summary = summary;
      }
      const known = new Set(found.map((doc) => doc.id));
      this.items = [...this.items.slice(0, offset).filter((doc) => !known.has(doc.id)), ...found];
      this.isLoaded = true;
      this.problem = null;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (isStale()) return;
      this.problem = problem;
    }
    this.isLoading = false;
    this.changed();
  }

  /** @param {number} offset @param {number} limit */
  #address(offset, limit) {
    const given = Object.entries(this.query).filter(([, value]) => value !== "");
    return `${this.#path}?${new URLSearchParams([...given, ["limit", String(limit)], ["offset", String(offset)]])}`;
  }
}
