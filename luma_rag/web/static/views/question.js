// A question of the user's.

import { copy } from "../core/clipboard.js";
import { dateTime } from "../core/format.js";
import { iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { notices } from "../stores/notices.js";
import { sends } from "../stores/preferences.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { versions } from "./versions.js";

class Question extends View {
  static properties = { message: { attribute: false }, canAsk: {}, isEditing: { state: true } };

  constructor() {
    super();
    /** @type {import("../stores/conversation.js").Message} */
    this.message;
    this.canAsk = true;
    this.isEditing = false;
  }

  render() {
    return html`<article class="message question" aria-labelledby=${`label-${this.message.key}`}>
      <h2 class="visually-hidden" id=${`label-${this.message.key}`}>Your question</h2>
      ${this.isEditing ? this.#editor() : this.#text()}
    </article>`;
  }

  #text() {
    const { content, time_sent: time, id } = this.message;
    return html`
      <div class="question-text" dir="auto" title=${dateTime(time)}>${content}</div>
      <div class="message-actions">
        ${versions(this.message, "question")}
        ${id && this.canAsk ? iconButton("pencil", "Edit this question", () => this.#edit(), "icon small edit") : nothing}
        ${iconButton("copy", "Copy this question", (event) => copy(content, /** @type {Element} */ (event.currentTarget)), "icon small copy")}
      </div>
    `;
  }

  #editor() {
    return html`
      <form class="question-editor" @submit=${this.#send} @keydown=${this.#onKey}>
        <textarea aria-label="Edit your question" dir="auto" rows="1" .value=${this.message.content}></textarea>
        <div class="question-editor-actions">
          <button type="button" class="quiet small" @click=${this.#cancel}>Cancel</button>
          <button type="submit" class="primary small">Send</button>
        </div>
      </form>
    `;
  }

  async #edit() {
    this.isEditing = true;
    await this.updateComplete;
    const box = this.find("textarea");
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  async #cancel() {
    this.isEditing = false;
    await this.updateComplete;
    this.find(".edit")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#cancel();
    } else if (sends(event)) {
      event.preventDefault();
      this.#send(event);
    }
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const content = this.find("textarea").value.trim();
    if (!content || conversation.turn) return;
    try {
      await conversation.ask(content, { replaces: this.message.id, onSent: () => (this.isEditing = false) });
    } catch (problem) {
      notices.showError(problem);
    }
  }
}

customElements.define("luma-question", Question);
