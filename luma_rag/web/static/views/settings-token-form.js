// The form for a new access token. Fires `created` with the token, or `canceled`.

import { Problem } from "../core/api.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { tokens } from "../stores/tokens.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { emptyFields, field, focusError, formError } from "./account-field.js";
import { withPassword } from "./account-with-password.js";
import { LEVELS } from "./settings-token-list.js";

const FIELDS = [{ name: "name", label: "Name", hint: "What uses the token, such as “nightly report”.", missing: "Give the token a name" }];
const LIFETIMES = [
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "A year"],
  ["", "No end"],
];

class TokenForm extends View {
  static properties = { isNarrowed: { state: true }, problem: { state: true }, isBusy: { state: true } };

  constructor() {
    super();
    /** Whether the token is only for some namespaces. */
    this.isNarrowed = false;
    /** @type {Problem | null} */
    this.problem = null;
    this.isBusy = false;
    this.values = { name: "" };
    this.watch(namespaces);
  }

  render() {
    return html`<form id="token-form" class="rows panel" novalidate @submit=${this.#submit}>
      <h2>New token</h2>
      ${FIELDS.map((each) => field({ ...each, value: this.values.name }, this.problem))}
      <label>It may<select name="level">
        ${Object.entries(LEVELS).map(([level, label]) => html`<option value=${level}>${label}</option>`)}
      </select></label>
      <label>It lasts<select name="lifetime">${LIFETIMES.map(([days, label]) => html`<option value=${days} ?selected=${days === "90"}>${label}</option>`)}</select></label>
      <fieldset class="plain">
        <legend>In</legend>
        <label class="check"><input type="radio" name="scope" value="all" .checked=${!this.isNarrowed} @change=${() => (this.isNarrowed = false)}><span>All of my namespaces</span></label>
        <label class="check"><input type="radio" name="scope" value="some" .checked=${this.isNarrowed} @change=${() => (this.isNarrowed = true)}><span>Only these</span></label>
        ${this.isNarrowed ? this.#namespaces() : nothing}
      </fieldset>
      ${formError(this.problem, [...FIELDS, { name: "namespace_ids", label: "" }])}
      <div class="row-actions">
        <button type="submit" class="primary" ?disabled=${this.isBusy}>Create token</button>
        <button type="button" class="quiet" @click=${() => this.dispatchEvent(new Event("canceled"))}>Cancel</button>
      </div>
    </form>`;
  }

  #namespaces() {
    const error = this.problem?.errors.find((each) => each.field === "namespace_ids");
    return html`<div class="checks">
      ${namespaces.items.map(({ id, name }) => html`<label class="check"><input type="checkbox" name="namespace" value=${id} aria-describedby="token-namespaces-error"><span dir="auto">${name}</span></label>`)}
    </div>
    <span id="token-namespaces-error" class="error">${error?.message ?? ""}</span>`;
  }

  firstUpdated() {
    this.find("[name=name]").focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const ids = this.isNarrowed ? data.getAll("namespace").map(Number) : null;
    this.values = { name: String(data.get("name")).trim() };
    const missing = emptyFields(this.values, FIELDS)?.errors ?? [];
    if (ids?.length === 0) missing.push({ field: "namespace_ids", message: "Choose at least one namespace." });
    this.problem = missing.length ? new Problem({ errors: missing }) : null;
    if (!this.problem) await this.#create(data, ids);
    await this.updateComplete;
    if (this.problem) focusError(this);
  }

  /** @param {FormData} data @param {number[] | null} ids */
  async #create(data, ids) {
    const [level, lifetime] = [Number(data.get("level")), Number(data.get("lifetime"))];
    const values = { ...this.values, expires_in_days: lifetime || null, namespace_ids: ids, max_level: level === 3 ? null : level };
    this.isBusy = true;
    try {
      const created = await withPassword(() => tokens.create(values));
      this.dispatchEvent(new CustomEvent("created", { detail: created }));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    } finally {
      this.isBusy = false;
    }
  }
}

customElements.define("luma-token-form", TokenForm);
