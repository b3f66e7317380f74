// Administration: what readers think of answers. Questions and answers stay with the readers.

import { count, dateTime } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { feedback } from "../stores/feedback.js";
import { notices } from "../stores/notices.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";

/** @import { Feedback } from "../stores/feedback.js" */

const RATINGS = [
  ["", "All"],
  ["1", "Good"],
  ["-1", "Bad"],
];
/** @type {Record<string, [string, string]>} icon and words */
const SHOWN = { 1: ["thumb-up", "Good"], "-1": ["thumb-down", "Bad"], 0: ["again", "Withdrawn"] };

class AdminFeedback extends View {
  constructor() {
    super();
    this.watch(feedback);
  }

  connectedCallback() {
    super.connectedCallback();
    show(feedback.load());
  }

  render() {
    const { items, total, rating } = feedback;
    return html`
      <div class="toolbar">
        <fieldset class="plain">
          <legend class="visually-hidden">Rating</legend>
          <div class="segments">
            ${RATINGS.map(
              ([value, label]) => html`<label class="segment">
                <input type="radio" name="rating" value=${value} .checked=${rating === value} @change=${() => show(feedback.load(value))}><span>${label}</span>
              </label>`,
            )}
          </div>
        </fieldset>
        <p class="muted" role="status">${items ? count(total, "answer") : nothing}</p>
      </div>
      ${items ? list(items, total) : nothing}
    `;
  }
}

/** @param {Feedback[]} items @param {number} total */
const list = (items, total) => html`
  <ul class="rows" aria-label="Feedback">
    ${repeat(items, ({ message_id: id }) => id, row)}
    ${items.length ? nothing : html`<li class="row muted">No answer was rated yet.</li>`}
  </ul>
  ${items.length < total ? html`<button type="button" id="feedback-more" @click=${() => show(feedback.loadMore())}>Show more</button>` : nothing}
`;

/** @param {Feedback} item */
function row({ rating, comment, given_at: givenAt, user, namespace }) {
  const [name, label] = SHOWN[rating];
  return html`<li class="row">
    <span class="rating is-${label.toLowerCase()}" title=${label}>${icon(name)}<span class="visually-hidden">${label}</span></span>
    <div class="row-main">
      <p class="feedback-comment ${comment ? "" : "muted"}" dir="auto">${comment ?? "No comment."}</p>
      <p class="muted"><bdi>${user.username}</bdi> in <bdi>${namespace.name}</bdi>, <time datetime=${givenAt}>${dateTime(givenAt)}</time></p>
    </div>
  </li>`;
}

/** @param {Promise<unknown>} loading */
const show = (loading) => loading.catch((error) => notices.showError(error));

customElements.define("luma-admin-feedback", AdminFeedback);
