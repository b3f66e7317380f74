// An answer: its steps, reasoning, text, sources and end.

import { isNothing, splitReasoning, withoutNote } from "../core/answer-text.js";
import { count, number } from "../core/format.js";
import { icon } from "../core/icon.js";
import { pathOf } from "../core/router.js";
import { View } from "../core/view.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./answer-actions.js";
import "./answer-text.js";

/**
 * @import { Citation, Message } from "../stores/conversation.js"
 * @import { Turn } from "../stores/turn.js"
 */

const MOST_TITLES = 4;
/** A frame that takes longer is slow. The pause after it keeps one slow frame in twenty. */
const SLOW_MS = 25;
const SLOW_PAUSE = 10;

/** Seconds of reasoning, of the answers that were written before one's eyes. @type {Map<string, number>} */
const thought = new Map();

class Answer extends View {
  static properties = { message: { attribute: false }, turn: { attribute: false }, searched: {}, isLast: {}, canAsk: {} };

  #isDrawing = false;
  #isStale = false;
  #end = () => {};

  constructor() {
    super();
    /** @type {Message | null} null while it is written */
    this.message = null;
    /** @type {Turn | null} */
    this.turn = null;
    /** The number of documents that are searched. */
    this.searched = 0;
    this.isLast = false;
    this.canAsk = true;
  }

  /** The id in addresses of citations: that of the question until the answer has one. */
  get messageId() {
    return this.message ? this.message.id || this.message.answers : (this.turn?.question.id ?? 0);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("turn")) return;
    this.#end();
    this.#end = this.turn?.subscribe(() => this.#draw()) ?? (() => {});
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#end();
  }

  /** Draw what has come: at most every other frame however many pieces come, and less often where that takes long. */
  #draw() {
    this.#isStale = true;
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame((began) => {
      this.#isStale = false;
      this.requestUpdate();
      requestAnimationFrame((ended) => {
        const took = ended - began;
        setTimeout(
          () => {
            this.#isDrawing = false;
            if (this.#isStale) this.#draw();
          },
          took > SLOW_MS ? took * SLOW_PAUSE : 0,
        );
      });
    });
  }

  render() {
    const { message, turn } = this;
    const content = message?.content ?? turn?.text ?? "";
    const key = message?.key ?? turn?.key ?? "";
    const citations = message?.citations ?? turn?.citations ?? [];
    // Answers of earlier versions hold their reasoning.
    const former = splitReasoning(content);
    const { text } = former;
    const reasoning = message?.reasoning || turn?.reasoning || former.reasoning;
    const isReasoning = former.isReasoning || (!message && !!reasoning && !text);
    if (turn && reasoning && !isReasoning && !thought.has(key)) thought.set(key, Math.max(1, Math.round((Date.now() - (turn.beganAt ?? turn.startedAt)) / 1000)));
    return html`<article class="message answer ${message ? "" : "is-writing"}" aria-labelledby=${`label-${key}`} aria-busy=${message ? "false" : "true"}>
      <h2 class="visually-hidden" id=${`label-${key}`}>Answer</h2>
      ${turn && !message && !text && !isReasoning ? this.#steps(turn) : nothing}
      ${reasoning || isReasoning ? this.#reasoning(reasoning, isReasoning, thought.get(key)) : nothing}
      ${this.#text(text, citations, key)}
      ${turn?.isReconnecting && !message ? html`<p class="answer-end">${icon("again")} The connection was lost. Connecting again…</p>` : nothing}
      ${this.#sources(text, citations)}
      ${message ? html`<luma-answer-actions .message=${message} .text=${withoutNote(text)} .isLast=${this.isLast} .canAsk=${this.canAsk}></luma-answer-actions>` : nothing}
    </article>`;
  }

  /** @param {Turn} turn */
  #steps({ stage, titles, citations }) {
    const searching = this.searched ? `Searching ${count(this.searched, "document")}…` : "Searching…";
    const passages = count(citations.length, "passage");
    const label = stage === "reading" ? `Reading ${passages}…` : stage === "thinking" ? "Thinking…" : searching;
    const named = titles.slice(0, MOST_TITLES);
    const more = titles.length - named.length;
    return html`<div class="steps">
      <p class="step"><span class="pulse"></span>${label}</p>
      ${citations.length
        ? html`<p class="step-titles">
            <span>${stage === "thinking" ? `Read ${passages} in` : "In"}</span>
            ${named.map((title) => html`<bdi class="step-title">${title}</bdi>`)}
            ${more > 0 ? html`<span>and ${number(more)} more</span>` : nothing}
          </p>`
        : nothing}
    </div>`;
  }

  /** @param {string} reasoning @param {boolean} isReasoning @param {number | undefined} seconds */
  #reasoning(reasoning, isReasoning, seconds) {
    const label = isReasoning ? "Thinking…" : seconds === undefined ? "Thoughts" : `Thought for ${number(seconds)} s`;
    return html`<details class="reasoning">
      <summary>${isReasoning ? html`<span class="pulse"></span>` : nothing}${label}</summary>
      <div class="reasoning-text" dir="auto">${reasoning}</div>
    </details>`;
  }

  /** @param {string} text @param {Citation[]} citations @param {string} key */
  #text(text, citations, key) {
    if (!text.trim()) return nothing;
    if (isNothing(text)) {
      return html`<div class="not-found">
        ${icon("search")}
        <div>
          <p>Not in these documents</p>
          <p class="muted">Nothing in them answers this question. Try other words, or ask about something else.</p>
        </div>
      </div>`;
    }
    const { chat_id: chatId } = this.message ?? this.turn?.question ?? { chat_id: 0 };
    const content = { text: withoutNote(text), citations, chatId, messageId: this.messageId, key, isWriting: this.message === null };
    return html`<luma-answer-text .content=${content}></luma-answer-text>`;
  }

  /** @param {string} text @param {Citation[]} citations */
  #sources(text, citations) {
    const { message } = this;
    const used = message ? citations : citations.filter(({ n }) => text.includes(`[${n}]`));
    if (!used.length) return nothing;
    const { chat_id: chatId } = message ?? /** @type {Turn} */ (this.turn).question;
    if (used.some(({ page }) => page !== null)) import("../core/pdf.js").then(({ warmUp }) => warmUp());
    return html`<nav class="sources" aria-label="Sources">
      ${used.map(
        (citation) => html`<a class="source" data-n=${citation.n} href=${pathOf({ view: "chat", chatId, reader: { messageId: this.messageId ?? 0, n: citation.n } })}>
          <span class="source-number">${citation.n}</span>
          <span class="source-title" dir="auto">${citation.title}</span>
          ${citation.page === null ? nothing : html`<span class="source-page">p. ${number(citation.page)}</span>`}
        </a>`,
      )}
    </nav>`;
  }
}

customElements.define("luma-answer", Answer);
