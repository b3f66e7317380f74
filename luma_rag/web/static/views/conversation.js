// The open chat: its messages, and the box for the next question.

import { announce } from "../core/announce.js";
import { icon } from "../core/icon.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { namespaces } from "../stores/namespaces.js";
import { readiness } from "../stores/readiness.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import "./citation-card.js";
import "./composer.js";
import "./conversation-start.js";
import { followsEnd } from "./follow-end.js";
import { groupsOf } from "./message-group.js";

class ConversationView extends View {
  static properties = { isAtEnd: { state: true } };

  #end = followsEnd(this, () => this.find(".conversation-scroller"));
  /** @type {import("../stores/turn.js").Turn | null} */
  #turn = null;
  #isLoadingOlder = false;
  /** @type {ReturnType<typeof groupsOf>} */
  #groups = new Map();

  constructor() {
    super();
    this.watch(conversation, namespaces, readiness);
  }

  connectedCallback() {
    super.connectedCallback();
    conversation.start();
  }

  render() {
    const { messages, turn, isLoaded, older } = conversation;
    const namespace = namespaces.get(conversation.namespaceId);
    const canAsk = namespace !== null;
    const searched = conversation.narrowed.length || (namespace?.documents ?? 0);
    this.#groups = groupsOf(conversation, this.#groups);
    const isEmpty = isLoaded && !messages.length && !turn;
    return html`
      <div class="conversation-scroller" @scroll=${this.#onScroll} @click=${this.#onClick}>
        <div class="conversation-column">
          ${older ? html`<p class="older muted" aria-live="polite">Loading earlier messages…</p>` : nothing}
          ${isEmpty ? html`<luma-conversation-start .namespace=${namespace}></luma-conversation-start>` : nothing}
          <div class="messages ${turn ? "is-busy" : ""}" role="log" aria-live="off" aria-label="Conversation">
            ${repeat(
              this.#groups,
              ([place]) => place,
              ([, items]) => html`<luma-message-group .items=${items} .searched=${searched} .canAsk=${canAsk}></luma-message-group>`,
            )}
          </div>
        </div>
        <luma-citation-card></luma-citation-card>
      </div>
      <div class="conversation-foot">
        ${this.#end.isAtEnd ? nothing : html`<button type="button" class="icon jump" aria-label="Jump to latest" title="Jump to latest" @click=${() => this.#end.jump()}>${icon("down")}</button>`}
        ${canAsk || !namespaces.isLoaded
          ? html`<luma-composer .note=${this.#note()}></luma-composer>`
          : html`<p class="conversation-closed muted">You can read this chat, but you can't ask here any more: you no longer have access to its documents.</p>`}
      </div>
    `;
  }

  #note() {
    const counts = readiness.counts;
    if (!counts?.pending || !counts.ready) return "";
    return counts.pending === 1 ? "One document is still being read. Answers don't use it yet." : `${counts.pending} documents are still being read. Answers don't use them yet.`;
  }

  updated() {
    const { turn } = conversation;
    if (turn !== this.#turn) {
      if (turn) {
        this.#end.jump();
        announce("The answer begins");
      } else if (this.#turn && conversation.messages.length) {
        announce(conversation.messages.at(-1)?.state === "complete" ? "The answer is complete" : "The answer has ended");
      }
      this.#turn = turn;
    }
    this.#end.opened(`${conversation.chatId}/${conversation.branch}/${conversation.isLoaded}`);
  }

  async #onScroll() {
    const scroller = this.find(".conversation-scroller");
    this.#end.scrolled();
    if (!conversation.older || this.#isLoadingOlder || scroller.scrollTop > scroller.clientHeight) return;
    this.#isLoadingOlder = true;
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    try {
      await conversation.loadOlder();
      await this.updateComplete;
      scroller.scrollTop = scroller.scrollHeight - fromEnd;
    } finally {
      this.#isLoadingOlder = false;
    }
  }

  /** Citations open the reader beside the branch that is shown; footnotes stay where they are. @param {MouseEvent} event */
  #onClick(event) {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest("a[href]"));
    const copies = /** @type {Element} */ (event.target).closest("[data-copies]");
    if (copies) return copyCode(copies);
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const fragment = link.getAttribute("href") ?? "";
    if (fragment.startsWith("#")) {
      event.preventDefault();
      document.getElementById(fragment.slice(1))?.scrollIntoView({ block: "center" });
    } else if (link.matches(".cite, .source")) {
      event.preventDefault();
      const { messageId } = /** @type {any} */ (link.closest("luma-answer"));
      router.openReader({ messageId, n: Number(link.dataset.n) });
    }
  }
}

customElements.define("luma-conversation", ConversationView);

/** @param {Element} button */
async function copyCode(button) {
  const { copy } = await import("../core/clipboard.js");
  copy(button.closest(".code-frame")?.querySelector("code")?.textContent ?? "", button);
}
