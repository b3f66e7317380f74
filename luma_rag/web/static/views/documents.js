// The tab with the documents of a namespace.

import { View } from "../core/view.js";
import { documents } from "../stores/documents.js";
import { WRITE } from "../stores/namespaces.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./documents-list.js";
import "./documents-toolbar.js";
import "./upload-button.js";

class Documents extends View {
  static properties = { namespace: { attribute: false } };

  constructor() {
    super();
    /** @type {import("../stores/namespaces.js").Namespace | null} */
    this.namespace = null;
    this.watch(documents, session);
  }

  connectedCallback() {
    super.connectedCallback();
    if (documents.isLoaded && documents.namespaceId === this.namespace?.id) documents.refreshing.soon();
  }

  willUpdate() {
    if (this.namespace) documents.open(this.namespace.id);
  }

  render() {
    const { namespace } = this;
    if (!namespace) return nothing;
    const canWrite = namespace.auth_level >= WRITE;
    const isEmpty = documents.isLoaded && !documents.total && !documents.isNarrowed;
    return html`<section class="documents" aria-labelledby="documents-heading">
      <header class="documents-head">
        <h2 id="documents-heading" class="visually-hidden">Documents</h2>
        ${isEmpty
          ? nothing
          : html`<luma-documents-toolbar .list=${documents} .namespace=${namespace} .filters=${filters()}></luma-documents-toolbar>
              ${canWrite ? html`<luma-upload-button .namespace=${namespace} isQuiet></luma-upload-button>` : nothing}`}
      </header>
      ${isEmpty ? this.#empty(canWrite) : html`<luma-document-list .list=${documents} .namespace=${namespace}></luma-document-list>${this.#nothingFound()}`}
    </section>`;
  }

  /** @param {boolean} canWrite */
  #empty(canWrite) {
    return html`<div class="empty-state">
      <h2>${canWrite ? "Add your first documents" : "No documents yet"}</h2>
      <p class="muted">${canWrite ? "Drop PDF, Office, or text files anywhere here, or choose them. Questions are answered from what they say." : "Whoever may add documents here hasn't added any so far."}</p>
      ${canWrite ? html`<div class="empty-actions"><luma-upload-button .namespace=${this.namespace}></luma-upload-button></div>` : nothing}
    </div>`;
  }

  #nothingFound() {
    if (!documents.isLoaded || documents.isLoading || documents.total || documents.problem) return nothing;
    return html`<p class="doc-none muted" role="status">No documents found.
      <button type="button" class="link" @click=${() => documents.find({ q: "", state: "" })}>Show all</button></p>`;
  }
}

customElements.define("luma-documents", Documents);

/** @returns {import("./documents-toolbar.js").Filter[]} */
function filters() {
  const { summary } = documents;
  return [
    { name: "all", label: "All", query: { state: "" }, n: summary?.all },
    { name: "ready", label: "Ready", query: { state: "ready" }, n: summary?.ready },
    { name: "pending", label: "Being read", query: { state: "pending" }, n: summary?.pending },
    { name: "failed", label: "Failed", query: { state: "failed" }, n: summary?.failed, isWarning: true },
  ];
}
