// The search in the document that the reader shows.

import { foldText } from "../core/letters.js";
import { findAll } from "../core/quote-search.js";
import { Store } from "../core/store.js";
import { reader } from "./reader.js";

/** @import { Stretch } from "../core/quote-search.js" */

/** @typedef {{part: number, stretch: Stretch}} Hit `part` is a page of a PDF, or the index of a passage */

const WAIT_MS = 150;
const MOST_HITS = 5000;
/** How often the count is shown while pages are read. */
const SHOW_MS = 200;

class ReaderFind extends Store {
  isOpen = false;
  query = "";
  /** @type {Hit[]} in the order of the document */
  hits = [];
  /** @type {Hit | null} */
  current = null;
  isSearching = false;
  #run = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  /** @type {Map<number, Hit[]>} */
  #byPart = new Map();
  #content = reader.content;

  constructor() {
    super();
    reader.subscribe(() => {
      if (reader.content === this.#content) return;
      this.#content = reader.content;
      this.search(this.query);
    });
  }

  /** The number of the current hit, from 1; 0 for none. */
  get position() {
    return this.current ? this.hits.indexOf(this.current) + 1 : 0;
  }

  /** Whether there are more hits than are kept. */
  get isCut() {
    return this.hits.length >= MOST_HITS;
  }

  open() {
    this.isOpen = true;
    this.changed();
  }

  close() {
    this.isOpen = false;
    this.search("");
  }

  /** @param {number} part @returns {Hit[]} */
  hitsIn(part) {
    return this.#byPart.get(part) ?? [];
  }

  /** Search for a text, once typing pauses. @param {string} query */
  search(query) {
    this.query = query;
    this.#run += 1;
    clearTimeout(this.#timer);
    [this.hits, this.current, this.#byPart, this.isSearching] = [[], null, new Map(), Boolean(this.#content && foldText(query))];
    this.changed();
    if (this.isSearching) this.#timer = setTimeout(() => this.#search(foldText(query), this.#run), WAIT_MS);
  }

  /** Go to the next hit, or the previous one; around the end. @param {1 | -1} step */
  go(step) {
    if (!this.hits.length) return;
    const place = this.current ? this.hits.indexOf(this.current) : -1;
    this.#show(this.hits[(place + step + this.hits.length) % this.hits.length]);
  }

  /** From the part in view to the end, then from the beginning. @param {string} letters @param {number} run */
  async #search(letters, run) {
    const { file, passages } = reader;
    const begin = file ? reader.page : reader.passageInView;
    let shown = performance.now();
    /** @type {Hit[]} */
    const after = [];
    /** @type {Hit[]} */
    const before = [];
    const read = async (/** @type {number} */ part, /** @type {Hit[]} */ into) => {
      const text = file ? await file.lettersOnce(part) : passages.letters(part).text;
      if (run !== this.#run) return false;
      const found = findAll(letters, text, MOST_HITS - after.length - before.length).map((stretch) => ({ part, stretch }));
      if (found.length) {
        into.push(...found);
        this.#byPart.set(part, found);
        this.hits = [...before, ...after];
        if (!this.current) this.#show(found[0]);
      }
      if (performance.now() - shown > SHOW_MS) {
        shown = performance.now();
        this.changed();
      }
      return this.hits.length < MOST_HITS;
    };
    const has = async (/** @type {number} */ part) => (file ? part <= file.pages : passages.has(part));
    let goesOn = true;
    for (let part = begin; goesOn && (await has(part)); part += 1) goesOn = await read(part, after);
    for (let part = file ? 1 : 0; goesOn && part < begin; part += 1) goesOn = await read(part, before);
    if (run !== this.#run) return;
    this.isSearching = false;
    this.changed();
  }

  /** @param {Hit} hit */
  #show(hit) {
    this.current = hit;
    this.changed();
    reader.goToPlace(hit.part, hit.stretch);
  }
}

export const readerFind = new ReaderFind();
