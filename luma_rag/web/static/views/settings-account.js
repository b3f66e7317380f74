// Settings: the account, its password, its second factor.

import { call, Problem } from "../core/api.js";
import { number, size } from "../core/format.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { withPassword } from "./account-with-password.js";
import "./account-second-factor.js";
import { showForm } from "./form-dialog.js";

class SettingsAccount extends View {
  static properties = { account: { state: true }, isSettingUp: { state: true } };

  constructor() {
    super();
    /** @type {{has_second_factor: boolean, documents: number, bytes: number, max_documents: number | null, max_bytes: number | null} | null} */
    this.account = null;
    this.isSettingUp = false;
    this.watch(session);
  }

  connectedCallback() {
    super.connectedCallback();
    session.loadOptions();
    this.#load();
  }

  render() {
    const { user, options } = session;
    const { account } = this;
    if (!user) return nothing;
    return html`
      <section class="rows" aria-label="Account">
        <div class="row"><span class="row-name">User name</span><span dir="auto">${user.username}</span></div>
        <div class="row"><span class="row-name">E-mail</span><span dir="auto">${user.email}</span></div>
        <div class="row"><span class="row-name">Role</span><span>${user.role === "admin" ? "Administrator" : "User"}</span></div>
        ${account ? html`<div class="row"><span class="row-name">Documents</span><span>${usage(account)}</span></div>` : nothing}
      </section>
      ${options.has_passwords ? this.#password() : nothing}
      ${account ? this.#secondFactor(account.has_second_factor) : nothing}
    `;
  }

  #password() {
    return html`<section class="rows" aria-label="Password"><div class="row">
      <div><h2 class="row-name">Password</h2><p class="muted">Changing it ends your other sessions and all of your access tokens.</p></div>
      <button type="button" id="change-password" @click=${() => this.#changePassword()}>Change</button>
    </div></section>`;
  }

  /** @param {boolean} isOn */
  #secondFactor(isOn) {
    if (this.isSettingUp) return html`<section class="rows"><luma-second-factor class="panel" @done=${() => this.#endSetUp()}></luma-second-factor></section>`;
    return html`<section class="rows" aria-label="Second factor"><div class="row">
      <div>
        <h2 class="row-name">Second factor <span class="badge ${isOn ? "is-on" : ""}">${isOn ? "On" : "Off"}</span></h2>
        <p class="muted">A code of an authenticator app, besides your password.</p>
      </div>
      ${isOn
        ? html`<button type="button" id="second-factor" @click=${() => this.#removeSecondFactor()}>Turn off</button>`
        : html`<button type="button" id="second-factor" @click=${() => (this.isSettingUp = true)}>Set up</button>`}
    </div></section>`;
  }

  async #load() {
    try {
      this.account = await call("GET", "/api/auth/account");
    } catch (error) {
      notices.showError(error);
    }
  }

  #changePassword() {
    showForm({
      heading: "Change your password",
      fields: [
        { name: "current", label: "Current password", type: "password", required: true, autocomplete: "current-password" },
        { name: "new", label: "New password", type: "password", required: true, autocomplete: "new-password", hint: "At least 10 characters." },
      ],
      action: "Change password",
      submit: async (values) => {
        try {
          await call("POST", "/api/auth/password", values);
        } catch (problem) {
          if (!(problem instanceof Problem) || problem.code !== "forbidden") throw problem;
          throw new Problem({ status: 403, errors: [{ field: "current", message: problem.message }] });
        }
        notices.show("Your password is changed. Your other sessions have ended.");
      },
    });
  }

  async #endSetUp() {
    this.isSettingUp = false;
    await this.#load();
    await this.updateComplete;
    this.find("#second-factor").focus();
  }

  #removeSecondFactor() {
    showForm({
      heading: "Turn off the second factor?",
      text: "Signing in will need only your password. Your recovery codes stop working.",
      action: "Turn off",
      isDangerous: true,
      submit: async () => {
        await withPassword(() => call("DELETE", "/api/auth/totp"));
        await this.#load();
      },
    });
  }
}

/** @param {{documents: number, bytes: number, max_documents: number | null, max_bytes: number | null}} account */
function usage({ documents, bytes, max_documents: mostDocuments, max_bytes: mostBytes }) {
  const of = (/** @type {string} */ used, /** @type {string | null} */ most) => (most === null ? used : `${used} of ${most}`);
  const files = of(number(documents), mostDocuments === null ? null : number(mostDocuments));
  return `${files}, ${of(size(bytes), mostBytes === null ? null : size(mostBytes))}`;
}

customElements.define("luma-settings-account", SettingsAccount);
