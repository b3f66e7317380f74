// What can be done with an answer, and what became of it.

import { isNothing, quotesOf } from "../core/answer-text.js";
import { withSources } from "../core/citations.js";
import { copy } from "../core/clipboard.js";
import { dateTime } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { notices } from "../stores/notices.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { versions } from "./versions.js";

const GO_ON = "Go on where your last answer stopped.";
const CUT_OFF = {
  length: "This answer ends here because it reached the greatest length that is allowed.",
  content_filter: "The content filter of the language model ended this answer.",
};

class AnswerActions extends View {
  static properties = { message: { attribute: false }, text: {}, isLast: {}, canAsk: {}, isCommenting: { state: true } };

  constructor() {
    super();
    /** @type {import("../stores/conversation.js").Message} */
    this.message;
    /** The answer without its reasoning. */
    this.text = "";
    this.isLast = false;
    this.canAsk = true;
    this.isCommenting = false;
  }

  render() {
    const { message, text } = this;
    const rating = message.feedback?.rating ?? 0;
    const isCut = message.state !== "complete" || !!message.cut_off;
    return html`
      ${isCut ? this.#end() : nothing}
      <div class="message-actions ${this.isLast ? "is-last" : ""}" title=${dateTime(message.time_sent)}>
        ${versions(message, "answer")}
        ${text ? iconButton("copy", "Copy this answer", (event) => copy(withSources(text, message.citations), /** @type {Element} */ (event.currentTarget)), "icon small copy") : nothing}
        ${message.id ? [this.#thumb("thumb-up", "Good answer", 1, rating), this.#thumb("thumb-down", "Bad answer", -1, rating)] : nothing}
        ${!isCut && this.#canAsk ? iconButton("again", "Try again", () => this.#again(), "icon small again") : nothing}
      </div>
      ${this.isCommenting ? this.#comment(rating) : nothing}
    `;
  }

  get #canAsk() {
    return this.canAsk && this.message.answers !== null;
  }

  #end() {
    const { state, error, cut_off: cutOff } = this.message;
    const reason = error?.detail ?? (state === "complete" && cutOff ? CUT_OFF[cutOff] : undefined) ?? (state === "stopped" ? "You stopped this answer." : "This answer is not complete.");
    const canGoOn = this.isLast && this.text && !isNothing(this.text) && !quotesOf(this.text, this.message.citations);
    return html`<div class="answer-end ${state === "failed" ? "is-failed" : ""}">
      ${icon(state === "failed" ? "warning" : "stop")}
      <p dir="auto">${reason}</p>
      ${this.#canAsk
        ? html`
            ${canGoOn ? html`<button type="button" class="small go-on" @click=${() => conversation.ask(GO_ON)}>Go on</button>` : nothing}
            <button type="button" class="small again" @click=${this.#again}>${icon("again")}Try again</button>
          `
        : nothing}
    </div>`;
  }

  #again() {
    conversation.regenerate(/** @type {number} */ (this.message.answers));
  }

  #thumb(name, label, value, rating) {
    const isPressed = rating === value;
    return html`<button type="button" class="icon small thumb" aria-label=${label} title=${label} aria-pressed=${isPressed ? "true" : "false"}
      @click=${() => this.#rate(isPressed ? 0 : value)}>${icon(name)}</button>`;
  }

  async #rate(rating, comment = null) {
    try {
      await conversation.rate(this.message.id, rating, comment);
      this.isCommenting = rating !== 0 && comment === null;
    } catch (problem) {
      notices.showError(problem);
    }
  }

  #comment(rating) {
    const label = rating > 0 ? "What was good about it? (optional)" : "What was wrong with it? (optional)";
    return html`<form class="feedback" @submit=${this.#sendComment} @keydown=${this.#onKey}>
      <input name="comment" aria-label=${label} placeholder=${label} dir="auto" autocomplete="off" maxlength="2000" .value=${this.message.feedback?.comment ?? ""}>
      <button type="submit" class="small">Send</button>
      ${iconButton("close", "Close", () => this.#closeComment(), "icon small")}
    </form>`;
  }

  async #closeComment() {
    this.isCommenting = false;
    await this.updateComplete;
    this.find(".thumb[aria-pressed=true]")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.#closeComment();
  }

  /** @param {SubmitEvent} event */
  async #sendComment(event) {
    event.preventDefault();
    const comment = this.find("[name=comment]").value.trim();
    if (comment) await this.#rate(this.message.feedback?.rating ?? 0, comment);
    if (comment) notices.show("Thank you. Your comment was sent.");
    this.#closeComment();
  }
}

customElements.define("luma-answer-actions", AnswerActions);
