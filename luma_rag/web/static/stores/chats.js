// The user's chats: the pinned ones, and the others as far as they are loaded, most recent activity first.

import { call, listAll, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { events } from "./events.js";

/** @typedef {import("../../api.js").ChatView} Chat */

const PAGE = 50;
const MOST = 200; // of one request

class Chats extends Store {
  /** @type {Chat[]} */
  pinned = [];
  /** @type {Chat[]} the chats that aren't pinned; in a search, all that were found */
  items = [];
  /** How many `items` there are on the server. */
  total = 0;
  query = "";
  isLoaded = false;
  isLoadingMore = false;
  /** @type {Map<number, Chat>} every chat seen, also outside of the list */
  #known = new Map();
  /** Outdated responses are ignored. */
  #generation = 0;
  #isStarted = false;

  /** Load the list, and follow what happens in other tabs. */
  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    events.on("chats", ({ chat_id: id }) => (id === null ? this.load() : this.refresh(id)));
    events.on("connected", () => this.load());
    events.on("namespaces", () => this.load());
    this.load();
  }

  /** Load the list again, as far as it was loaded. */
  async load() {
    const generation = (this.#generation += 1);
    const limit = Math.min(MOST, Math.max(PAGE, this.items.length));
    try {
      const [pinned, page] = await Promise.all([
        this.query ? [] : listAll("/api/chats?pinned=true"),
        call("GET", this.#path(limit, 0)),
      ]);
      if (generation !== this.#generation) return;
      const rest = this.items.slice(limit).filter(({ id }) => !page.items.some((/** @type {Chat} */ chat) => chat.id === id));
      this.pinned = pinned;
      this.items = [...page.items, ...(page.total > limit ? rest : [])];
      this.total = page.total;
      this.isLoaded = true;
      for (const chat of [...pinned, ...page.items]) this.#known.set(chat.id, chat);
    } catch (problem) {
      // The list stays as it is; the next event or connection loads it again.
      if (!(problem instanceof Problem)) throw problem;
    }
    this.changed();
  }

  /** Load the next page, if there is one. */
  async loadMore() {
    if (this.isLoadingMore || this.items.length >= this.total) return;
    this.isLoadingMore = true;
    const generation = this.#generation;
    try {
      const page = await call("GET", this.#path(PAGE, this.items.length));
      if (generation !== this.#generation) return;
      const shown = new Set(this.items.map(({ id }) => id));
      const added = page.items.filter((/** @type {Chat} */ chat) => !shown.has(chat.id));
      for (const chat of added) this.#known.set(chat.id, chat);
      this.items = [...this.items, ...added];
      this.total = added.length ? page.total : this.items.length;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    } finally {
      this.isLoadingMore = false;
      this.changed();
    }
  }

  /**
   * Show only the chats with this text in the title or in a message; all chats, if it is empty.
   * @param {string} query
   */
  async search(query) {
    if (query === this.query) return;
    this.query = query;
    this.items = [];
    this.isLoaded = false;
    this.changed();
    await this.load();
  }

  /**
   * Read one chat again, after it was created, renamed, answered or deleted.
   * @param {number} id
   */
  async refresh(id) {
    if (this.query) return this.load();
    let chat = null;
    try {
      chat = await call("GET", `/api/chats/${id}`);
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 404) return;
    }
    this.#place(id, chat);
  }

  /** @param {number | null} id @returns {Chat | null} */
  get(id) {
    return (id !== null && this.#known.get(id)) || null;
  }

  /** @param {number} id @param {string} title */
  async rename(id, title) {
    this.#place(id, await call("PATCH", `/api/chats/${id}`, { title }));
  }

  /** @param {number} id @param {boolean} pinned */
  async pin(id, pinned) {
    this.#place(id, await call("PATCH", `/api/chats/${id}`, { pinned }));
  }

  /** @param {number} id */
  async remove(id) {
    await call("DELETE", `/api/chats/${id}`);
    this.#place(id, null);
  }

  /** Put a chat where it belongs; null removes it. @param {number} id @param {Chat | null} chat */
  #place(id, chat) {
    if (chat) this.#known.set(id, chat);
    else this.#known.delete(id);
    const others = this.items.filter((item) => item.id !== id);
    this.total -= this.items.length - others.length;
    this.items = others;
    this.pinned = this.pinned.filter((item) => item.id !== id);
    if (chat?.pinned && !this.query) this.pinned = inOrder([...this.pinned, chat]);
    else if (chat && this.#isInRange(chat)) {
      this.items = inOrder([...this.items, chat]);
      this.total += 1;
    } else if (chat) this.total += 1;
    this.changed();
  }

  /** Whether a chat belongs into the part of the list that is loaded. @param {Chat} chat */
  #isInRange(chat) {
    const last = this.items.at(-1);
    return !last || this.items.length >= this.total || chat.last_activity_at >= last.last_activity_at;
  }

  /** @param {number} limit @param {number} offset */
  #path(limit, offset) {
    const filter = this.query ? `q=${encodeURIComponent(this.query)}` : "pinned=false";
    return `/api/chats?${filter}&limit=${limit}&offset=${offset}`;
  }
}

/** @param {Chat[]} items */
const inOrder = (items) => items.sort((a, b) => b.last_activity_at.localeCompare(a.last_activity_at) || b.id - a.id);

export const chats = new Chats();
