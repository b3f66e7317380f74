// Where questions are typed. What is typed is kept until it is sent.

import { iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { drafts } from "../stores/drafts.js";
import { notices } from "../stores/notices.js";
import { preferences, sends } from "../stores/preferences.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";

class Composer extends View {
  static properties = { note: {}, placeholder: {} };

  /** @type {string | null} the draft that is shown */
  #shown = null;

  constructor() {
    super();
    /** A sentence above the box. */
    this.note = "";
    this.placeholder = "Ask your documents";
    this.watch(conversation, preferences);
    drafts.subscribe(() => this.#showDraft());
  }

  render() {
    const { turn, sendProblem, narrowed } = conversation;
    const hasProblem = sendProblem && sendProblem.status !== 401;
    const hint = preferences.values.sendKey === "enter" ? "Enter sends, Shift+Enter starts a new line" : "Ctrl+Enter sends";
    return html`<form class="composer" @submit=${this.#send}>
      ${hasProblem ? html`<p class="error composer-problem" role="alert" dir="auto">${sendProblem.message}</p>` : nothing}
      ${this.note ? html`<p class="composer-note muted">${this.note}</p>` : nothing}
      ${narrowed.length ? this.#narrowed(narrowed) : nothing}
      <div class="composer-box">
        <textarea id="question" name="question" rows="1" dir="auto" aria-label="Your question" title=${hint} placeholder=${this.placeholder}
          maxlength="20000" enterkeyhint="send" @input=${this.#onInput} @keydown=${this.#onKey}></textarea>
        ${turn
          ? iconButton("stop", "Stop", this.#stop, "icon primary stop")
          : html`<button type="submit" class="icon primary send" aria-label="Send" title="Send"><svg class="glyph" aria-hidden="true"><use href=${SEND}></use></svg></button>`}
      </div>
    </form>`;
  }

  /** @param {{id: number, title: string}[]} documents */
  #narrowed(documents) {
    return html`<div class="narrowed" role="group" aria-label="Ask only these documents">
      <span class="muted">Asking only</span>
      ${repeat(
        documents,
        ({ id }) => id,
        ({ id, title }) => html`<span class="narrowed-document"><bdi>${title}</bdi>${iconButton("close", `Don't ask only ${title}`, () => this.#widen(documents.filter((other) => other.id !== id)), "icon small")}</span>`,
      )}
      <button type="button" class="link" @click=${() => this.#widen([])}>Ask all documents</button>
    </div>`;
  }

  updated() {
    if (this.#shown !== conversation.draftKey) this.#showDraft();
    const button = /** @type {HTMLElement | null} */ (this.querySelector(".stop, .send"));
    // Send and Stop replace each other: the focus stays in the composer.
    if (button && document.activeElement === document.body && this.#hadFocus) this.focusBox();
    this.#hadFocus = this.contains(document.activeElement);
  }

  #hadFocus = false;

  focusBox() {
    this.find("#question")?.focus();
  }

  #showDraft() {
    const box = this.find("#question");
    if (!box) return;
    this.#shown = conversation.draftKey;
    box.value = drafts.get(this.#shown);
    fit(box);
  }

  /** @param {Event} event */
  #onInput(event) {
    const box = /** @type {HTMLTextAreaElement} */ (event.target);
    drafts.set(conversation.draftKey, box.value);
    fit(box);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (!sends(event)) return;
    event.preventDefault();
    this.#send(event);
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const box = this.find("#question");
    const content = box.value.trim();
    if (!content || conversation.turn) return;
    box.value = "";
    fit(box);
    drafts.set(conversation.draftKey, "");
    await conversation.ask(content);
  }

  async #stop() {
    try {
      await conversation.stop();
    } catch (problem) {
      notices.showError(problem);
    }
  }

  /** @param {{id: number, title: string}[]} documents */
  #widen(documents) {
    conversation.narrow(documents);
    this.focusBox();
  }
}

const SEND = `${new URL("../icons.svg", import.meta.url).pathname}#send`;

customElements.define("luma-composer", Composer);

/** As high as its text. Where the style sheet can do it, it does. @param {HTMLTextAreaElement} box */
function fit(box) {
  if (CSS.supports("field-sizing", "content")) return;
  box.style.setProperty("height", "auto");
  box.style.setProperty("height", `${box.scrollHeight}px`);
}
