// Above a list of documents: what can be done with the selected ones, or else search and filter.

import { number } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { WRITE } from "../stores/namespaces.js";
import { html, nothing } from "../vendor/lit/lit.js";
import * as actions from "./documents-actions.js";

/** @import { Doc, DocumentList } from "../stores/document-list.js" */

/** @typedef {{name: string, label: string, query: Partial<DocumentList["query"]>, n?: number, isWarning?: boolean}} Filter */

class DocumentsToolbar extends View {
  static properties = { list: { attribute: false }, namespace: { attribute: false }, filters: { attribute: false } };

  constructor() {
    super();
    /** @type {DocumentList} */
    this.list = /** @type {any} */ (null);
    /** @type {import("../stores/namespaces.js").Namespace | null} */
    this.namespace = null;
    /** @type {Filter[]} */
    this.filters = [];
    this.unsubscribe = () => {};
  }

  connectedCallback() {
    super.connectedCallback();
    this.unsubscribe = this.list.subscribe(() => this.requestUpdate());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.unsubscribe();
  }

  render() {
    const docs = [...this.list.selected.values()];
    return html`<div class="doc-toolbar ${docs.length ? "has-selection" : ""}">${docs.length ? this.#selection(docs) : this.#search()}</div>`;
  }

  #search() {
    const { query } = this.list;
    return html`
      <label class="doc-search">${icon("search")}<span class="visually-hidden">Find documents</span>
        <input type="search" name="q" dir="auto" placeholder="Find" autocomplete="off" maxlength="200" .value=${query.q} @input=${this.#onInput}>
      </label>
      <div class="doc-filters" role="group" aria-label="Filter">
        ${this.filters.map(
          ({ name, label, query, n, isWarning }) => html`<button type="button" class="small quiet ${isWarning && n ? "is-warning" : ""}" data-filter=${name}
            aria-pressed=${this.#isChosen(query) ? "true" : "false"} @click=${() => this.list.find(query)}>
            ${label}${n === undefined ? nothing : html`<span class="filter-count">${number(n)}</span>`}
          </button>`,
        )}
      </div>
    `;
  }

  /** @param {Filter["query"]} query */
  #isChosen({ scope = "", state = "" }) {
    return scope === this.list.query.scope && state === this.list.query.state;
  }

  /** @param {Doc[]} docs */
  #selection(docs) {
    const { namespace } = this;
    const canWrite = (namespace?.auth_level ?? 0) >= WRITE;
    const hasFailed = docs.some(({ ingestion }) => ingestion?.error);
    /** @type {[boolean, string, string, string, () => void][]} */
    const offered = [
      [namespace !== null, "chat", "Ask only these", "ask-only", () => actions.askOnly(docs, /** @type {any} */ (namespace))],
      [canWrite && hasFailed, "again", "Try again", "retry", () => actions.retry(docs)],
      [docs.some(actions.isAddable), "plus", "Add to…", "add-to", () => actions.addToNamespace(docs, namespace?.id)],
      [canWrite, "leave", "Remove", "remove", () => actions.remove(docs, /** @type {any} */ (namespace))],
      [docs.some(actions.isOwn), "trash", "Delete for good", "delete", () => actions.deleteForGood(docs)],
    ];
    return html`
      <span class="doc-chosen" role="status">${number(docs.length)} selected</span>
      <div class="doc-acts" role="group" aria-label="Actions for the selected documents">
        ${offered
          .filter(([isOffered]) => isOffered)
          .map(([, glyph, label, name, run]) => html`<button type="button" class="small ${name === "delete" ? "is-dangerous" : ""}" data-act=${name} title=${label} @click=${run}>${icon(glyph)}<span>${label}</span></button>`)}
      </div>
      ${iconButton("close", "Select none", () => this.#selectNone(), "icon small")}
    `;
  }

  async #selectNone() {
    this.list.selectNone();
    await new Promise((resolve) => requestAnimationFrame(resolve));
    this.find("input[name=q]")?.focus();
  }

  /** @param {InputEvent} event */
  #onInput(event) {
    this.list.find({ q: /** @type {HTMLInputElement} */ (event.target).value.trim() });
  }
}

customElements.define("luma-documents-toolbar", DocumentsToolbar);
