// How many documents of the open namespace can be asked, and what one could ask first.

import { call, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { events } from "./events.js";

const WAIT_MS = 1000;
const MOST_SUGGESTIONS = 3;
const GENERIC = /^(?:table of )?contents?$|^introduction$|^abstract$|^references$|^appendix|^overview$|^summary$|^page \d|^bibliography$/i;

/** @typedef {import("../../api.js").DocumentSummary} Counts */

class Readiness extends Store {
  /** @type {number | null} */
  namespaceId = null;
  /** @type {Counts | null} null until it is known */
  counts = null;
  /** @type {string[]} first questions */
  suggestions = [];

  #isStarted = false;
  /** @type {number | null} */
  #suggestedFor = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  /** @param {number} namespaceId */
  async open(namespaceId) {
    if (!this.#isStarted) {
      this.#isStarted = true;
      for (const name of ["documents", "ingestion", "document_removed", "connected"]) events.on(name, () => this.#loadSoon());
    }
    if (namespaceId === this.namespaceId) return;
    [this.namespaceId, this.counts, this.suggestions, this.#suggestedFor] = [namespaceId, null, [], null];
    await this.#load();
  }

  /** Suggest first questions, made of headings of the first documents. */
  async suggest() {
    const { namespaceId } = this;
    if (namespaceId === null || namespaceId === this.#suggestedFor) return;
    this.#suggestedFor = namespaceId;
    try {
      const { items } = await call("GET", `/api/namespaces/${namespaceId}/documents?limit=${MOST_SUGGESTIONS}`);
      const found = await Promise.all(items.map(questionAbout));
      if (namespaceId === this.namespaceId) this.suggestions = found.filter((question) => question !== null);
    } catch (problem) {
      // They are a help, no more.
      if (!(problem instanceof Problem)) throw problem;
    }
    this.changed();
  }

  /** Events come in numbers while documents are read. */
  #loadSoon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#load();
    }, WAIT_MS);
  }

  async #load() {
    const { namespaceId } = this;
    if (namespaceId === null) return;
    try {
      const counts = await countsOf(namespaceId);
      if (namespaceId !== this.namespaceId) return;
      this.counts = counts;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    }
    this.changed();
  }
}

/** @param {number} namespaceId @returns {Promise<Counts>} */
const countsOf = (namespaceId) => call("GET", `/api/namespaces/${namespaceId}/documents/summary`);

/** @param {{id: number, title: string}} document @returns {Promise<string | null>} */
async function questionAbout({ id, title }) {
  const { items } = await call("GET", `/api/documents/${id}/outline`);
  const heading = items.map(({ heading: text }) => (text ?? "").replace(/^[\d.]+\s+/, "").trim()).find((text) => text.length > 3 && text.length < 60 && text !== title && !GENERIC.test(text));
  return heading ? `What does “${title}” say about “${heading}”?` : null;
}

export const readiness = new Readiness();
