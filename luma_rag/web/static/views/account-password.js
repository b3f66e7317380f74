// The form of somebody whose password was set by an administrator.

import { call, Problem } from "../core/api.js";
import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html } from "../vendor/lit/lit.js";
import { emptyFields, field, focusError, formError, valuesOf } from "./account-field.js";

const FIELDS = [
  { name: "current", label: "Current password", type: "password", autocomplete: "current-password", missing: "Enter your current password" },
  { name: "new", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 10 characters.", missing: "Choose a password" },
];

class AccountPassword extends View {
  static properties = { current: {}, problem: { state: true }, isBusy: { state: true } };

  constructor() {
    super();
    /** The current password, if it has just been entered. */
    this.current = "";
    /** @type {Problem | null} */
    this.problem = null;
    this.isBusy = false;
  }

  render() {
    return html`
      <form id="account-form" class="card" novalidate @submit=${this.#submit}>
        <h1 id="account-heading">Choose your password</h1>
        <p id="account-lead" class="muted">An administrator set your current password.</p>
        ${FIELDS.map((each) => field({ ...each, value: each.name === "current" ? this.current : "" }, this.problem))}
        ${formError(this.problem, FIELDS)}
        <button type="submit" class="primary" ?disabled=${this.isBusy}>Change password</button>
        <p class="account-other muted">Not your account? <button type="button" class="link" @click=${() => session.signOut()}>Sign out</button></p>
      </form>
    `;
  }

  firstUpdated() {
    document.title = "Choose your password · Luma";
    this.find(this.current ? "[name=new]" : "[name=current]").focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    const values = valuesOf(event);
    this.current = values.current;
    this.problem = emptyFields(values, FIELDS);
    if (!this.problem) await this.#send(values);
    await this.updateComplete;
    if (this.problem) focusError(this);
  }

  /** @param {Record<string, string>} values */
  async #send(values) {
    this.isBusy = true;
    try {
      await call("POST", "/api/auth/password", values);
      await session.refresh();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    } finally {
      this.isBusy = false;
    }
  }
}

customElements.define("luma-account-password", AccountPassword);
