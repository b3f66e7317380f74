// One document in a list: title, state in words, facts, menu; on opening, why it failed or what could not be read.

import { ago, dateTime, number, size } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { WRITE } from "../stores/namespaces.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import * as actions from "./documents-actions.js";
import { showStanding } from "./documents-standing.js";
import "./menu.js";

class DocumentRow extends View {
  static properties = {
    doc: { attribute: false },
    list: { attribute: false },
    namespace: { attribute: false },
    isSelected: { attribute: false },
    isOpen: { state: true },
  };

  constructor() {
    super();
    /** @type {import("../stores/document-list.js").Doc | null} */
    this.doc = null;
    /** @type {import("../stores/document-list.js").DocumentList | null} */
    this.list = null;
    /** @type {import("../stores/namespaces.js").Namespace | null} */
    this.namespace = null;
    this.isSelected = false;
    this.isOpen = false;
    this.setAttribute("role", "row");
  }

  render() {
    const { doc } = this;
    if (!doc) return nothing;
    const added = doc.added_at ?? doc.uploaded_at;
    return html`
      <span role="cell" class="cell-check">
        <input type="checkbox" aria-label="Select ${doc.title}" .checked=${this.isSelected} @click=${this.#onCheck}>
      </span>
      <span role="cell" class="cell-title">
        ${icon("file")}
        <button type="button" class="doc-title" dir="auto" title=${doc.title} @click=${() => actions.open(doc)}>${doc.title}</button>
        <span class="doc-type">${doc.type.toUpperCase()}</span>
        ${doc.is_public ? html`<span class="doc-public" title="Public: everyone with an account can read it">${icon("globe")}<span class="visually-hidden">Public</span></span>` : nothing}
      </span>
      <span role="cell" class="cell-state">${this.#state()}</span>
      <span role="cell" class="cell-pages">${doc.pages === null ? nothing : number(doc.pages)}</span>
      <span role="cell" class="cell-size">${size(doc.size)}</span>
      <span role="cell" class="cell-added" title=${dateTime(added)}>${ago(added)}</span>
      <span role="cell" class="cell-by" dir="auto">${nameOf(doc.added_by ?? { id: doc.user_id, username: doc.username })}</span>
      <span role="cell" class="cell-menu"><luma-menu label="Actions for ${doc.title}" .items=${this.#items()}></luma-menu></span>
      ${this.isOpen ? this.#details() : nothing}
    `;
  }

  updated() {
    this.classList.toggle("is-selected", this.isSelected);
    this.classList.toggle("is-ready", this.doc?.state === "ready");
  }

  #state() {
    const doc = /** @type {import("../stores/document-list.js").Doc} */ (this.doc);
    const { ingestion } = doc;
    const hasDetails = Boolean(ingestion?.error) || doc.warnings.length > 0;
    const text = stateText(doc);
    const dot = html`<span class="dot is-${ingestion?.state === "queued" ? "waiting" : doc.state}"></span>`;
    if (!hasDetails) return html`<span class="doc-state is-${doc.state}">${dot}<span>${text}</span></span>`;
    return html`<button type="button" class="doc-state is-${doc.state}" aria-expanded=${this.isOpen ? "true" : "false"}
      @click=${() => (this.isOpen = !this.isOpen)}>${dot}<span>${text}</span>${icon(this.isOpen ? "up" : "down")}</button>`;
  }

  #details() {
    const { ingestion, warnings } = /** @type {import("../stores/document-list.js").Doc} */ (this.doc);
    const reason = ingestion?.error;
    const again = ingestion?.next_attempt_at ? ` The next attempt is at ${new Date(ingestion.next_attempt_at).toLocaleTimeString()}.` : "";
    const canRetry = reason && (this.namespace?.auth_level ?? 0) >= WRITE;
    return html`<div role="cell" class="doc-details">
      ${reason ? html`<p dir="auto">${reason}${again}</p>` : nothing}
      ${warnings.map((warning) => html`<p dir="auto">${icon("warning")}<span>${warning.text}</span></p>`)}
      ${canRetry ? html`<button type="button" class="small" @click=${this.#retry}>${icon("again")}Try again</button>` : nothing}
    </div>`;
  }

  async #retry() {
    this.isOpen = false;
    await this.updateComplete;
    this.find(".doc-title").focus();
    await actions.retry([/** @type {any} */ (this.doc)]);
  }

  #items() {
    const doc = /** @type {import("../stores/document-list.js").Doc} */ (this.doc);
    const { namespace } = this;
    const canWrite = (namespace?.auth_level ?? 0) >= WRITE;
    const isOwn = actions.isOwn(doc);
    return [
      { label: "Open", icon: "open", run: () => actions.open(doc) },
      { label: "Download", icon: "download", run: () => actions.download(doc) },
      namespace && { label: "Ask only this", icon: "chat", run: () => actions.askOnly([doc], namespace) },
      canWrite && doc.ingestion?.error && { label: "Try again", icon: "again", run: () => this.#retry() },
      doc.permission === "write" && { label: "Rename…", icon: "pencil", run: () => actions.rename(doc) },
      isOwn && { label: doc.is_public ? "Make private…" : "Make public…", icon: doc.is_public ? "lock" : "globe", run: () => actions.publish(doc, !doc.is_public) },
      isOwn && { label: "Where it stands…", icon: "people", run: () => showStanding(doc) },
      actions.isAddable(doc) && { label: "Add to another namespace…", icon: "plus", run: () => actions.addToNamespace([doc], namespace?.id) },
      namespace && canWrite && { label: "Remove from here…", icon: "leave", run: () => actions.remove([doc], namespace) },
      isOwn && { label: "Delete for good…", icon: "trash", isDangerous: true, run: () => actions.deleteForGood([doc]) },
    ];
  }

  /** @param {MouseEvent} event */
  #onCheck(event) {
    const { checked } = /** @type {HTMLInputElement} */ (event.target);
    this.list?.select(/** @type {any} */ (this.doc), checked, event.shiftKey);
  }
}

customElements.define("luma-document-row", DocumentRow);

/** @type {Record<string, string>} */
const STATES = { ready: "Ready", pending: "Being read", failed: "Couldn't be read", unplaced: "In no namespace" };

/** @param {import("../stores/document-list.js").Doc} doc */
function stateText({ state, ingestion, warnings }) {
  if (state === "ready" && warnings.length) return "Ready, with gaps";
  if (state !== "pending" || !ingestion) return STATES[state] ?? "";
  if (ingestion.state === "queued") return ingestion.error ? "Waiting to try again" : "Waiting";
  return `Reading…${ingestion.progress > 0 ? ` ${Math.floor(ingestion.progress * 100)}\u202f%` : ""}`;
}

/** @param {{id: number, username: string}} user */
const nameOf = ({ id, username }) => (id === session.user?.id ? "You" : username);
