// Some messages of a conversation that follow each other. In a long one, only the group that changes is drawn again.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import "./answer.js";
import "./question.js";

/**
 * @import { Message } from "../stores/branch.js"
 * @import { Turn } from "../stores/turn.js"
 */

/**
 * A message, the lack of an answer, or the answer that is being written, of which only the turn is known.
 * @typedef {{key: string, kind: "question" | "answer" | "unanswered", message: Message | null, turn: Turn | null, isLast: boolean}} Item
 */

const SIZE = 10;

class MessageGroup extends View {
  static properties = { items: { attribute: false }, searched: {}, canAsk: {} };

  constructor() {
    super();
    /** @type {Item[]} */
    this.items = [];
    /** The number of documents that are searched. */
    this.searched = 0;
    this.canAsk = true;
  }

  render() {
    return html`${repeat(this.items, ({ key }) => key, (item) => this.#item(item))}`;
  }

  /** @param {Item} item */
  #item({ kind, message, turn, isLast }) {
    const { searched, canAsk } = this;
    if (kind === "question") return html`<luma-question .message=${message} .canAsk=${canAsk}></luma-question>`;
    if (kind === "answer") return html`<luma-answer .message=${message} .turn=${turn} .searched=${searched} .isLast=${isLast} .canAsk=${canAsk}></luma-answer>`;
    return this.#unanswered(/** @type {Message} */ (message));
  }

  /** @param {Message} question */
  #unanswered(question) {
    const isFailed = question.state === "failed";
    const reason = question.error?.detail ?? (question.state === "stopped" ? "You stopped this answer before it began." : "This question was not answered.");
    return html`<div class="message unanswered answer-end ${isFailed ? "is-failed" : ""}">
      ${icon(isFailed ? "warning" : "stop")}
      <p dir="auto">${reason}</p>
      ${this.canAsk ? html`<button type="button" class="small again" @click=${() => conversation.regenerate(question.id)}>${icon("again")}Try again</button>` : nothing}
    </div>`;
  }
}

customElements.define("luma-message-group", MessageGroup);

/**
 * The groups of a conversation, by their place in the chat. What has not changed is the same as in `former`.
 * @param {{messages: Message[], older: number, turn: Turn | null}} conversation
 * @param {Map<number, Item[]>} former
 * @returns {Map<number, Item[]>}
 */
export function groupsOf({ messages, older, turn }, former) {
  /** @type {Map<number, Item[]>} */
  const groups = new Map();
  const add = (/** @type {number} */ i, /** @type {Item} */ item) => {
    const place = Math.floor((older + i) / SIZE);
    const group = groups.get(place);
    if (group) group.push(item);
    else groups.set(place, [item]);
  };
  messages.forEach((message, i) => {
    const { key, sender_type: sender } = message;
    const next = messages[i + 1];
    const isLast = !next && !turn;
    add(i, { key, message, kind: sender === "LLM" ? "answer" : "question", turn: null, isLast });
    const hasAnswer = sender === "LLM" || (next ? next.sender_type === "LLM" : turn !== null);
    if (!hasAnswer) add(i, { key: `${key}-end`, message, kind: "unanswered", turn: null, isLast });
  });
  if (turn) add(messages.length, { key: turn.key, message: null, kind: "answer", turn, isLast: true });
  for (const [place, items] of groups) {
    const known = former.get(place);
    if (known && areSame(known, items)) groups.set(place, known);
  }
  return groups;
}

/** @param {Item[]} one @param {Item[]} other */
const areSame = (one, other) =>
  one.length === other.length &&
  one.every((item, i) => item.message === other[i].message && item.turn === other[i].turn && item.key === other[i].key && item.isLast === other[i].isLast);
