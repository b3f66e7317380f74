// What stands before the page: signing in, and what an account has to do first. If a session ends while the page is
// in use, it lies over the page.

import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html } from "../vendor/lit/lit.js";
import "./account-password.js";
import "./account-second-factor.js";
import "./account-sign-in.js";

class Account extends View {
  constructor() {
    super();
    /** The password of this sign-in, which changing it asks for. */
    this.password = "";
    this.watch(session);
  }

  render() {
    // A dialog lies also over the dialogs of the page, and holds the focus.
    if (session.hasEnded) {
      return html`<dialog class="account" aria-labelledby="account-heading" @cancel=${prevent}>${this.#step()}</dialog>`;
    }
    return html`<main class="account">
      <p class="account-brand"><img src=${LOGO} alt="" width="32" height="32">Luma</p>
      ${this.#step()}
    </main>`;
  }

  #step() {
    const { user, hasEnded, requiredAction } = session;
    if (user && !hasEnded && requiredAction === "change_password") {
      return html`<luma-account-password .current=${this.password}></luma-account-password>`;
    }
    if (user && !hasEnded && requiredAction === "set_up_second_factor") {
      return html`<div class="card"><luma-second-factor isRequired @done=${() => session.refresh()}></luma-second-factor></div>`;
    }
    return html`<luma-sign-in @accepted=${(/** @type {CustomEvent} */ event) => (this.password = event.detail)}></luma-sign-in>`;
  }

  updated() {
    const dialog = this.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }
}

const LOGO = new URL("../luma.svg", import.meta.url).pathname;

/** @param {Event} event */
const prevent = (event) => event.preventDefault();

customElements.define("luma-account", Account);
