// Setting up a second factor: the key, a first code, then the recovery codes. Fires `done` when they are kept.

import { call, Problem } from "../core/api.js";
import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { emptyFields, field, focusError, formError, valuesOf } from "./account-field.js";
import { withPassword } from "./account-with-password.js";
import "./account-recovery-codes.js";
import { copyButton } from "./copy-button.js";

const FIELDS = [{ name: "code", label: "Code of the app", autocomplete: "one-time-code", missing: "Enter the code that the app shows" }];

class SecondFactor extends View {
  static properties = {
    isRequired: { type: Boolean },
    key: { state: true },
    codes: { state: true },
    problem: { state: true },
    isBusy: { state: true },
  };

  constructor() {
    super();
    /** Whether the account can't be used without it. */
    this.isRequired = false;
    /** @type {{secret: string, uri: string} | null} */
    this.key = null;
    /** @type {string[] | null} */
    this.codes = null;
    /** @type {Problem | null} */
    this.problem = null;
    this.isBusy = false;
  }

  render() {
    if (this.codes) return html`<luma-recovery-codes .codes=${this.codes} @kept=${() => this.dispatchEvent(new Event("done"))}></luma-recovery-codes>`;
    return html`
      <form id="account-form" class="second-factor" novalidate @submit=${this.#submit}>
        <h1 id="account-heading">Set up a second factor</h1>
        <p id="account-lead" class="muted">${this.isRequired ? "Administrators need one here. " : ""}Add this key to an authenticator app on your phone, then enter the code that it shows.</p>
        ${this.key ? keyOf(this.key) : nothing}
        ${this.key ? FIELDS.map((each) => field(each, this.problem)) : nothing}
        ${formError(this.problem, FIELDS)}
        <div class="row-actions">
          <button type="submit" class="primary" ?disabled=${this.isBusy || !this.key}>Confirm</button>
          ${this.isRequired
            ? html`<button type="button" class="quiet" @click=${() => session.signOut()}>Sign out</button>`
            : html`<button type="button" class="quiet" @click=${() => this.dispatchEvent(new Event("done"))}>Cancel</button>`}
        </div>
      </form>
    `;
  }

  async firstUpdated() {
    try {
      this.key = await withPassword(() => call("POST", "/api/auth/totp"));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
    await this.updateComplete;
    this.querySelector("input")?.focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    const values = valuesOf(event);
    this.problem = emptyFields(values, FIELDS);
    if (!this.problem) await this.#confirm(values.code.replaceAll(" ", ""));
    await this.updateComplete;
    if (this.problem) focusError(this);
  }

  /** @param {string} code */
  async #confirm(code) {
    this.isBusy = true;
    try {
      const { recovery_codes: codes } = await withPassword(() => call("POST", "/api/auth/totp/confirm", { code }));
      this.codes = codes;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    } finally {
      this.isBusy = false;
    }
  }
}

/** @param {{secret: string, uri: string}} key */
const keyOf = ({ secret, uri }) => html`
  <div class="secret">
    <code id="second-factor-key">${secret.match(/.{1,4}/g)?.join(" ")}</code>
    ${copyButton(secret, "Copy key")}
  </div>
  <p class="muted"><a href=${uri}>Open in an app on this device</a></p>
`;

customElements.define("luma-second-factor", SecondFactor);
