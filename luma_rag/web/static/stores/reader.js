// What the reader shows: a document at a page, or a citation of an answer in its document.

import { call, Problem } from "../core/api.js";
import { PdfProblem } from "../core/pdf.js";
import { router } from "../core/router.js";
import { Store } from "../core/store.js";
import { citationsOf } from "./citations.js";
import { events } from "./events.js";
import { forget, forgetEarlier, pdfOf } from "./open-files.js";
import { Passages } from "./passages.js";
import { placesInPdf, placesInText } from "./quote-places.js";

/** @import { ReaderAddress } from "../core/router.js" */
/** @import { PdfFile } from "../core/pdf.js" */
/** @import { Stretch } from "../core/quote-search.js" */
/** @import { Citation } from "./citations.js" */
/** @import { Places } from "./quote-places.js" */

/** @typedef {{id: number, title: string, type: string, version: number, file_metadata: Record<string, any>}} Document */
/** @typedef {{part: number, places: Places | null}} Target what the view scrolls to: a page or passage, or the first place on it */

const GONE = "This document is no longer available. It was deleted, or is no longer shared with you.";
const NO_CITATION = "This citation does not exist. The answer may have been written anew.";
const WHY_TEXT = {
  password: "This PDF is protected with a password. Here is its text.",
  broken: "This PDF could not be drawn. Here is its text.",
  missing: "The file could not be loaded. Here is the text of the document.",
};

/** The versions of the file and of the text. @param {Document} document */
const versionOf = (document) => `${document.version}/${document.file_metadata.text_version}`;

class Reader extends Store {
  /** @type {ReaderAddress | null} */
  address = null;
  /** @type {"loading" | "pdf" | "text" | "gone" | "failed"} */
  state = "loading";
  /** How much of the file is loaded, 0 to 1. */
  progress = 0;
  /** @type {string | null} a sentence on why the document or its pages can't be shown */
  reason = null;
  /** @type {Document | null} */
  document = null;
  /** @type {PdfFile | null} of a PDF that can be drawn */
  file = null;
  /** The text of any other document. */
  passages = new Passages(0);
  /** The index of the passage in view. */
  passageInView = 0;
  /** @type {Citation | null} the citation that is open */
  citation = null;
  /** @type {Citation[]} those of its answer that are in the same document, in the order of the document */
  citations = [];
  /** @type {Map<number, Places>} where the quotes stand, by `n`, as far as they were looked for */
  places = new Map();
  /** The page in view. */
  page = 1;
  /** @type {number | "width"} the zoom of pages: a factor, or as wide as the reader */
  zoom = "width";
  /** The zoom as a factor. */
  scale = 1;
  /** @type {Target | null} */
  target = null;

  #visit = 0;
  /** @type {number | null} */
  #chatId = null;
  #isStarted = false;
  /** @type {{key: string, citations: Citation[]} | null} the answer that was looked up last */
  #answer = null;

  /** Whether the open quote was looked for and not found. */
  get isQuoteMissing() {
    return this.citation !== null && this.places.get(this.citation.n)?.length === 0;
  }

  /** Whether the open quote stands in an earlier version of the document than the one that is shown. */
  get isOfEarlierVersion() {
    return (this.state === "pdf" || this.state === "text") && this.citation?.is_of_earlier_version === true;
  }

  /** What can be read and searched: the pages or the passages; null as long as there are none. */
  get content() {
    return this.file ?? (this.state === "text" ? this.passages : null);
  }

  get title() {
    return this.document?.title ?? this.citation?.title ?? "";
  }

  /** Follow changes of rights. */
  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const name of ["documents", "namespaces", "connected"]) events.on(name, () => this.#checkAccess());
  }

  /**
   * Show what an address names.
   * @param {ReaderAddress} address
   * @param {number | null} chatId the open chat
   */
  async open(address, chatId) {
    const visit = (this.#visit += 1);
    this.#chatId = chatId;
    performance.clearMarks("reader:open");
    performance.mark("reader:open");
    this.address = address;
    try {
      if ("messageId" in address) await this.#openCitation(address, chatId, visit);
      else await this.#openDocument(address.docId, visit, address.page ?? 1);
    } catch (error) {
      if (visit !== this.#visit) return;
      if (!(error instanceof Problem)) throw error;
      this.#end(error.status === 404 ? "gone" : "failed", error.status === 404 ? GONE : error.message);
    }
  }

  close() {
    this.#visit += 1;
    this.address = null;
    this.#reset();
    [this.citation, this.citations, this.#answer] = [null, [], null];
  }

  /** Go to a page. @param {number} page */
  goToPage(page) {
    const last = this.file?.pages ?? 1;
    this.page = Math.max(1, Math.min(last, page));
    this.target = { part: this.page, places: null };
    this.changed();
    const { address } = this;
    if (address && "docId" in address) router.openReader({ docId: address.docId, page: this.page });
  }

  /** Go to a section: a page, or a passage. @param {number} part */
  goToSection(part) {
    if (this.file) return this.goToPage(part);
    this.target = { part, places: null };
    this.changed();
  }

  /** Go to a place on a page or in a passage. @param {number} part @param {Stretch} stretch */
  goToPlace(part, stretch) {
    this.target = { part, places: [{ part, stretches: [stretch] }] };
    this.changed();
  }

  /** Go to the next citation of the answer in this document, or the previous one. @param {1 | -1} step */
  goToCitation(step) {
    const { address, citations, citation } = this;
    if (!address || !("messageId" in address) || !citation || citations.length < 2) return;
    const next = citations[(citations.indexOf(citation) + step + citations.length) % citations.length];
    router.openReader({ messageId: address.messageId, n: next.n });
  }

  /** The view tells what is in it. @param {number} page @param {number} scale */
  setView(page, scale) {
    if (page === this.page && scale === this.scale) return;
    [this.page, this.scale] = [page, scale];
    this.changed();
  }

  /** @param {number | "width"} zoom */
  setZoom(zoom) {
    this.zoom = zoom === "width" ? zoom : Math.max(0.25, Math.min(5, zoom));
    this.changed();
  }

  /** @param {{messageId: number, n: number}} address @param {number | null} chatId @param {number} visit */
  async #openCitation({ messageId, n }, chatId, visit) {
    const key = `${chatId}/${messageId}`;
    if (this.#answer?.key !== key || !this.#answer.citations.some((one) => one.n === n)) {
      this.#reset();
      this.changed();
      const citations = await citationsOf(chatId, messageId);
      if (visit !== this.#visit) return;
      this.#answer = { key, citations };
      this.places = new Map();
    }
    const { citations } = this.#answer;
    this.citation = citations.find((one) => one.n === n) ?? null;
    const docId = this.citation?.doc_id ?? null;
    this.citations = citations.filter((one) => docId !== null && one.doc_id === docId).sort((a, b) => (a.page ?? 0) - (b.page ?? 0) || a.n - b.n);
    if (!this.citation) return this.#end("gone", NO_CITATION);
    if (docId === null) return this.#end("gone", GONE);
    await this.#openDocument(docId, visit, this.citation.page ?? 1);
    if (visit === this.#visit) await this.#placeQuotes(visit);
  }

  /** @param {number} docId @param {number} visit @param {number} page */
  async #openDocument(docId, visit, page) {
    if (this.address && "docId" in this.address) [this.citation, this.citations] = [null, []];
    const isOpen = this.document?.id === docId && this.state !== "loading";
    if (!isOpen) {
      this.#reset();
      this.changed();
      // Citations of a PDF name a page: its file is fetched at once.
      let early = this.citation?.page || (this.address && "docId" in this.address && this.address.page) ? this.#load(docId, visit) : null;
      early?.catch(() => {});
      const document = await call("GET", `/api/documents/${docId}`);
      if (visit !== this.#visit) return;
      if (forgetEarlier(docId, document.version)) early = null;
      this.document = document;
      this.passages = new Passages(docId);
      if (document.type === "pdf") await this.#showPdf(early ?? this.#load(docId, visit), visit);
      else this.state = "text";
      if (visit !== this.#visit) return;
    }
    const isShown = isOpen && this.page === page && this.citation === null;
    const part = this.file ? page : await this.passages.indexOfPage(page);
    if (visit !== this.#visit) return;
    if (!isShown) this.target = { part, places: this.citation ? (this.places.get(this.citation.n) ?? null) : null };
    this.page = page;
    this.changed();
  }

  /** @param {number} docId @param {number} visit */
  #load(docId, visit) {
    return pdfOf(docId, (share) => {
      if (visit !== this.#visit) return;
      this.progress = share;
      this.changed();
    });
  }

  /** @param {Promise<PdfFile>} loading @param {number} visit */
  async #showPdf(loading, visit) {
    try {
      const file = await loading;
      if (visit !== this.#visit) return;
      [this.file, this.state] = [file, "pdf"];
    } catch (error) {
      if (visit !== this.#visit) return;
      if (!(error instanceof PdfProblem)) throw error;
      [this.state, this.reason] = ["text", WHY_TEXT[error.reason]];
    }
  }

  /** Find all quotes in the document, the open one first. @param {number} visit */
  async #placeQuotes(visit) {
    const open = this.citation;
    for (const citation of [open, ...this.citations.filter((one) => one !== open)]) {
      if (!citation || this.places.has(citation.n)) continue;
      const places = await (this.file ? placesInPdf(citation, this.file) : placesInText(citation, this.passages));
      if (visit !== this.#visit) return;
      this.places = new Map(this.places).set(citation.n, places);
      if (citation === open && places.length) this.target = { part: places[0].part, places };
      this.changed();
    }
  }

  /** Whether the document can still be read. */
  async #checkAccess() {
    const { document } = this;
    if (!document || this.address === null) return;
    try {
      const now = await call("GET", `/api/documents/${document.id}`);
      if (this.document !== document) return;
      if (versionOf(now) !== versionOf(document)) {
        const { address, page } = this;
        this.#reset();
        this.#answer = null;
        return this.open("docId" in address ? { ...address, page } : address, this.#chatId);
      }
      if (now.title !== document.title) this.document = now;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status !== 404 || this.document !== document) return;
      this.#visit += 1;
      return this.#end("gone", GONE);
    }
    this.changed();
  }

  /** @param {"gone" | "failed"} state @param {string} reason */
  #end(state, reason) {
    if (this.document) forget(this.document.id);
    this.#reset();
    [this.state, this.reason] = [state, reason];
    this.changed();
  }

  #reset() {
    [this.state, this.progress, this.reason] = ["loading", 0, null];
    [this.document, this.file, this.target, this.page, this.passageInView] = [null, null, null, 1, 0];
    this.places = new Map();
  }
}

export const reader = new Reader();
