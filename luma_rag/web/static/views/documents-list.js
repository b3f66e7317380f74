// The table of a list of documents, read further as it is scrolled.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import "./document-row.js";

/** @import { DocumentList } from "../stores/document-list.js" */

/** Columns that sort, with the order that a first click gives. */
const COLUMNS = /** @type {const} */ ([
  ["title", "Title", "title"],
  ["state", "State", ""],
  ["pages", "Pages", "-pages"],
  ["size", "Size", "-size"],
  ["added", "Added", "-added"],
  ["by", "By", ""],
]);
const SKELETONS = 6;
/** Rows that the browser lays out, or leaves out while they are far away, together. */
const BLOCK = 50;

class DocumentTable extends View {
  static properties = { list: { attribute: false }, namespace: { attribute: false } };

  constructor() {
    super();
    /** @type {DocumentList} */
    this.list = /** @type {any} */ (null);
    /** @type {import("../stores/namespaces.js").Namespace | null} */
    this.namespace = null;
    this.focused = -1;
    this.unsubscribe = () => {};
    const options = /** @type {any} */ ({ scrollMargin: "600px" });
    this.observer = new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && this.list.loadMore(), options);
  }

  connectedCallback() {
    super.connectedCallback();
    this.unsubscribe = this.list.subscribe(() => this.requestUpdate());
    // A dialog returns the focus to the row that it was about, which may be gone.
    document.addEventListener("close", this.#onDialogClose, true);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("close", this.#onDialogClose, true);
    this.unsubscribe();
    this.observer.disconnect();
  }

  render() {
    const { items, total, isLoaded, isLoading, problem, selected } = this.list;
    if (!isLoaded && !problem) return this.#skeleton();
    const isAll = items.length > 0 && selected.size === total;
    return html`
      <div role="table" aria-label="Documents" aria-rowcount=${total + 1} class="doc-table ${selected.size ? "has-selection" : ""}" @focusin=${this.#onFocus}>
        <div role="row" class="doc-heads" ?hidden=${!items.length}>
          <span role="columnheader" class="cell-check">
            <input type="checkbox" aria-label="Select all" .checked=${isAll} .indeterminate=${selected.size > 0 && !isAll}
              @click=${() => (isAll ? this.list.selectNone() : this.list.selectAll())}>
          </span>
          ${COLUMNS.map(([name, label, order]) => this.#head(name, label, order))}
          <span role="columnheader" class="cell-menu"><span class="visually-hidden">Actions</span></span>
        </div>
        ${blocksOf(items).map(
          (block) => html`<div role="rowgroup" class="doc-block">
            ${repeat(
              block,
              ({ id }) => id,
              (doc) => html`<luma-document-row .doc=${doc} .list=${this.list} .namespace=${this.namespace} .isSelected=${selected.has(doc.id)}></luma-document-row>`,
            )}
          </div>`,
        )}
      </div>
      ${problem
        ? html`<p class="error doc-problem" role="alert">${problem.message} <button type="button" class="small" @click=${() => this.list.retryLoading()}>Try again</button></p>`
        : nothing}
      <div class="doc-end" aria-busy=${isLoading ? "true" : "false"}></div>
    `;
  }

  updated() {
    const end = this.lastElementChild;
    // Observed anew after each page: where the end is in view still, nothing else would tell.
    this.observer.disconnect();
    if (end && this.list.isLoaded && !this.list.isLoading && this.list.items.length < this.list.total) this.observer.observe(end);
  }

  /** @param {string} name @param {string} label @param {string} order */
  #head(name, label, order) {
    const { sort } = this.list.query;
    const isSorted = sort.replace("-", "") === name;
    const direction = isSorted ? (sort.startsWith("-") ? "descending" : "ascending") : "none";
    if (!order) return html`<span role="columnheader" class="cell-${name}">${label}</span>`;
    const next = isSorted ? (sort.startsWith("-") ? name : `-${name}`) : order;
    return html`<span role="columnheader" class="cell-${name}" aria-sort=${direction}>
      <button type="button" class="doc-sort" @click=${() => this.list.find({ sort: next })}>${label}${isSorted ? icon(sort.startsWith("-") ? "down" : "up") : nothing}</button>
    </span>`;
  }

  #skeleton() {
    return html`<div class="doc-skeletons" aria-busy="true" aria-label="Loading documents">
      ${Array.from({ length: SKELETONS }, () => html`<div class="doc-skeleton"><span></span><span></span></div>`)}
    </div>`;
  }

  /** @param {FocusEvent} event */
  #onFocus(event) {
    const row = /** @type {Element} */ (event.target).closest("luma-document-row");
    this.focused = row ? [...this.querySelectorAll("luma-document-row")].indexOf(row) : -1;
  }

  #onDialogClose = () => {
    requestAnimationFrame(() => {
      if (document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
      const rows = this.querySelectorAll("luma-document-row");
      const near = rows[Math.min(Math.max(0, this.focused), rows.length - 1)]?.querySelector(".doc-title");
      const next = /** @type {HTMLElement | null} */ (near ?? document.getElementById("main"));
      next?.focus();
    });
  };
}

customElements.define("luma-document-list", DocumentTable);

/** @param {import("../stores/document-list.js").Doc[]} docs */
const blocksOf = (docs) => Array.from({ length: Math.ceil(docs.length / BLOCK) }, (_, n) => docs.slice(n * BLOCK, (n + 1) * BLOCK));
