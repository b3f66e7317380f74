// The form before the page: sign in, set up, register, change the password, second factor.

import { Problem } from "../core/api.js";
import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";

class Account extends View {
  static properties = { problem: { state: true }, isNew: { state: true } };

  constructor() {
    super();
    /** @type {Problem | null} */
    this.problem = null;
    this.isNew = false;
    this.watch(session);
  }

  render() {
    const isNew = this.isNew || session.options.is_empty;
    return html`<main class="account"><form id="account-form" class="card" novalidate @submit=${this.#submit}>
      <h1>${isNew ? "Create an account" : "Sign in"}</h1>
      <label>User name<input name="username" autocomplete="username" autocapitalize="none" spellcheck="false"></label>
      ${isNew ? html`<label>E-mail<input name="email" type="email" autocomplete="email"></label>` : nothing}
      <label>Password<input name="password" type="password" autocomplete=${isNew ? "new-password" : "current-password"}></label>
      ${this.problem ? html`<p class="error" role="alert">${this.problem.message}</p>` : nothing}
      <button type="submit" class="primary">${isNew ? "Create account" : "Sign in"}</button>
      <button type="button" class="link" @click=${() => (this.isNew = !this.isNew)}>${isNew ? "Sign in" : "Create an account"}</button>
    </form></main>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const values = /** @type {any} */ (Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target))));
    try {
      await ("email" in values ? session.register(values) : session.signIn(values));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
  }
}

customElements.define("luma-account", Account);
