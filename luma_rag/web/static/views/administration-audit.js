// Administration: who did what, and when.

import { dateTime, number } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { audit } from "../stores/audit.js";
import { namespaces } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { people } from "../stores/people.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { labelOf, SENTENCES, sentenceOf } from "./administration-audit-sentences.js";

/** @import { AuditEvent, AuditFilter } from "../stores/audit.js" */

class AdminAudit extends View {
  constructor() {
    super();
    this.watch(audit, people, namespaces);
  }

  connectedCallback() {
    super.connectedCallback();
    Promise.all([audit.load(), people.load()]).catch((error) => notices.showError(error));
  }

  render() {
    const { filter, items, total } = audit;
    return html`
      <form class="filters" aria-label="Filter" @change=${this.#onChange} @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <label>Action<select name="action">
          <option value="">Any</option>
          ${Object.entries(SENTENCES).map(([action, words]) => html`<option value=${action} ?selected=${filter.action === action}>${labelOf(words)}</option>`)}
        </select></label>
        <label>By<select name="actor_id">
          <option value="">Anybody</option>
          ${(people.items ?? []).map(({ id, username }) => html`<option value=${id} ?selected=${filter.actor_id === String(id)}>${username}</option>`)}
        </select></label>
        <label>From<input type="date" name="since" .value=${filter.since}></label>
        <label>To<input type="date" name="until" .value=${filter.until}></label>
      </form>
      <div class="toolbar">
        <p class="muted" role="status">${items ? `${number(total)} ${total === 1 ? "event" : "events"}` : nothing}</p>
        <span class="row-actions">
          <a class="button small" id="audit-csv" href=${audit.exportPath("csv")} download>${icon("download")}CSV</a>
          <a class="button small" id="audit-json" href=${audit.exportPath("jsonl")} download>${icon("download")}JSON</a>
        </span>
      </div>
      ${items ? this.#list(items, total) : nothing}
    `;
  }

  /** @param {AuditEvent[]} items @param {number} total */
  #list(items, total) {
    return html`<ol class="rows events" aria-label="Events">
      ${repeat(items, ({ id }) => id, row)}
      ${items.length ? nothing : html`<li class="row muted">Nothing matches the filter.</li>`}
    </ol>
    ${items.length < total ? html`<button type="button" id="audit-more" @click=${() => audit.loadMore().catch((error) => notices.showError(error))}>Show more</button>` : nothing}`;
  }

  /** @param {Event} event */
  #onChange(event) {
    const { name, value } = /** @type {HTMLInputElement} */ (event.target);
    audit.load(/** @type {Partial<AuditFilter>} */ ({ [name]: value })).catch((error) => notices.showError(error));
  }
}

/** @param {AuditEvent} event */
function row(event) {
  const { who, what } = sentenceOf(event);
  return html`<li class="row">
    <p class="row-main"><bdi class="row-name">${who}</bdi> <span dir="auto">${what}</span></p>
    <p class="muted row-side"><time datetime=${event.at}>${dateTime(event.at)}</time>${event.address ? html`<br>${event.address}` : nothing}</p>
  </li>`;
}

customElements.define("luma-admin-audit", AdminAudit);
