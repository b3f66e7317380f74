// What stands in a chat before its first question.

import { count } from "../core/format.js";
import { icon } from "../core/icon.js";
import { pathOf } from "../core/router.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { WRITE } from "../stores/namespaces.js";
import { readiness } from "../stores/readiness.js";
import { html, nothing } from "../vendor/lit/lit.js";

class ConversationStart extends View {
  static properties = { namespace: { attribute: false } };

  constructor() {
    super();
    /** @type {import("../stores/namespaces.js").Namespace | null} */
    this.namespace = null;
    this.watch(readiness, conversation);
  }

  render() {
    const { namespace } = this;
    const counts = readiness.namespaceId === namespace?.id ? readiness.counts : null;
    if (!namespace || !counts) return nothing;
    const mayWrite = namespace.auth_level >= WRITE;
    if (counts.ready) return this.#ready(counts.ready);
    if (counts.pending) return state("file", "Your documents are being read", "You can ask as soon as the first one is ready. This page follows by itself.");
    if (counts.all) return state("warning", "None of the documents could be read", "The list of documents says why.", this.#documents("Show documents"));
    if (!mayWrite) return state("folder", "No documents yet", "You can read what others add here. There is nothing to ask about so far.");
    return state("upload", "Add your first documents", "PDF, Word, Excel, mails, and more. Then ask questions, and see on which page each answer stands.", this.#documents("Add documents"));
  }

  /** @param {number} ready */
  #ready(ready) {
    const { narrowed } = conversation;
    const what = narrowed.length ? narrowed.length : ready;
    readiness.suggest();
    return html`<div class="conversation-start">
      <h2>Ask about ${count(what, "document")}</h2>
      <p class="muted">Every answer names its sources, and each number leads to the page.</p>
      ${readiness.suggestions.length
        ? html`<ul class="suggestions" aria-label="Questions to begin with">
            ${readiness.suggestions.map((question) => html`<li><button type="button" class="suggestion" dir="auto" @click=${() => conversation.ask(question)}>${question}</button></li>`)}
          </ul>`
        : nothing}
    </div>`;
  }

  /** @param {string} label */
  #documents(label) {
    return html`<a class="button primary" href=${pathOf({ view: "namespace", namespaceId: this.namespace?.id, tab: "documents" })}>${icon("upload")}${label}</a>`;
  }
}

customElements.define("luma-conversation-start", ConversationStart);

/** @param {string} name @param {string} heading @param {string} text @param {unknown} [action] */
const state = (name, heading, text, action = nothing) => html`<div class="conversation-start">
  <span class="state-icon">${icon(name)}</span>
  <h2>${heading}</h2>
  <p class="muted">${text}</p>
  ${action}
</div>`;
