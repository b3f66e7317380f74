// The form to sign in, to set up Luma, or to register.

import { Problem } from "../core/api.js";
import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html, keyed, nothing } from "../vendor/lit/lit.js";
import { emptyFields, field, focusError, formError, valuesOf } from "./account-field.js";

/** @typedef {"sign-in" | "again" | "set-up" | "register" | "code"} Mode */

/** @type {Record<Mode, {heading: string, lead: string, button: string}>} */
const WORDS = {
  "sign-in": { heading: "Sign in", lead: "Ask questions about your own documents.", button: "Sign in" },
  again: { heading: "Sign in again", lead: "Your session has ended. Everything on the page stays as it is.", button: "Sign in" },
  "set-up": { heading: "Set up Luma", lead: "This account becomes the administrator.", button: "Create account" },
  register: { heading: "Create an account", lead: "Ask questions about your own documents.", button: "Create account" },
  code: { heading: "Enter your code", lead: "Open your authenticator app, or use a recovery code.", button: "Sign in" },
};

const NAME = { name: "username", label: "User name or e-mail", autocomplete: "username", missing: "Enter your user name or e-mail address" };
const PASSWORD = { name: "password", label: "Password", type: "password", autocomplete: "current-password", missing: "Enter your password" };
const SIGN_IN = [NAME, PASSWORD];
const REGISTER = [
  { ...NAME, label: "User name", missing: "Choose a user name" },
  { name: "email", label: "E-mail", type: "email", autocomplete: "email", missing: "Enter your e-mail address" },
  { ...PASSWORD, autocomplete: "new-password", hint: "At least 10 characters.", missing: "Choose a password" },
];
const CODE = [{ name: "code", label: "Code", autocomplete: "one-time-code", missing: "Enter the code" }];
const FIELDS = { "sign-in": SIGN_IN, again: SIGN_IN, "set-up": REGISTER, register: REGISTER, code: CODE };

// Messages for failed OpenID sign-ins, by the reason in the address.
const REFUSALS = {
  cancelled: "The provider denied the sign-in. Try again, or sign in with your password.",
  stale: "This sign-in attempt has expired or was started in another window. Start again.",
  refused: "The provider's response could not be verified. Try again. If the problem persists, contact your administrator.",
  "no-account": "No account is linked to this identity. Ask an administrator to create one.",
  disabled: "Your account is disabled. Contact an administrator.",
  unavailable: "The provider is unavailable. Try again later, or sign in with your password.",
};

class SignIn extends View {
  static properties = { problem: { state: true }, mode: { state: true }, isBusy: { state: true } };

  constructor() {
    super();
    /** @type {Problem | null} */
    this.problem = refusal();
    /** @type {"register" | "code" | null} what was chosen or asked for; null for what the state of the server suggests */
    this.mode = null;
    this.isBusy = false;
    /** What was entered in the steps so far. @type {Record<string, string>} */
    this.values = { username: session.user?.username ?? "" };
    this.watch(session);
  }

  /** @returns {Mode} */
  get shown() {
    if (this.mode) return this.mode;
    if (session.hasEnded) return "again";
    return session.options.is_empty && session.options.can_register ? "set-up" : "sign-in";
  }

  render() {
    const mode = this.shown;
    const { heading, lead, button } = WORDS[mode];
    const { openid, has_passwords: hasPasswords } = session.options;
    const isSignIn = mode === "sign-in" || mode === "again";
    const fields = isSignIn && !hasPasswords ? [] : FIELDS[mode];
    return html`
      <form id="account-form" class="card" novalidate @submit=${this.#submit}>
        <h1 id="account-heading">${heading}</h1>
        <p id="account-lead" class="muted">${lead}</p>
        ${keyed(mode, fields.map((each) => field({ ...each, value: this.values[each.name] }, this.problem)))}
        ${formError(this.problem, fields)}
        ${fields.length ? html`<button type="submit" class="primary" ?disabled=${this.isBusy}>${button}</button>` : nothing}
        ${isSignIn && openid ? html`<a id="account-openid" class="button" href="/api/auth/openid">Sign in with ${openid}</a>` : nothing}
        ${this.#other(mode)}
      </form>
    `;
  }

  /** The way to another form. @param {Mode} mode */
  #other(mode) {
    const link = (/** @type {string} */ question, /** @type {string} */ label, /** @type {"register" | null} */ next) =>
      html`<p class="account-other muted">${question} <button id="account-other" type="button" class="link" @click=${() => this.#show(next)}>${label}</button></p>`;
    if (mode === "sign-in" && session.options.can_register) return link("New here?", "Create an account", "register");
    if (mode === "register") return link("Already have an account?", "Sign in", null);
    if (mode === "code") return link("Not your account?", "Start again", null);
    return nothing;
  }

  firstUpdated() {
    this.#focus();
  }

  /** @param {"register" | "code" | null} mode */
  async #show(mode) {
    this.mode = mode;
    this.problem = null;
    await this.updateComplete;
    this.#focus();
  }

  /** The first field that is still empty. */
  #focus() {
    document.title = `${WORDS[this.shown].heading} · Luma`;
    const inputs = [...this.querySelectorAll("input")];
    (inputs.find((input) => !input.value) ?? inputs[0] ?? this.querySelector("a"))?.focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    this.values = { ...this.values, ...valuesOf(event) };
    this.problem = emptyFields(this.values, FIELDS[this.shown]);
    if (!this.problem) await this.#send();
    await this.updateComplete;
    if (this.problem) focusError(this);
  }

  async #send() {
    const { username, email, password, code } = this.values;
    const isNew = this.shown === "register" || this.shown === "set-up";
    this.isBusy = true;
    try {
      this.dispatchEvent(new CustomEvent("accepted", { detail: password }));
      if (isNew) await session.register({ username, email, password });
      else await session.signIn({ username, password, code: this.mode === "code" ? code.trim() : null });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // The name and the password are kept, and sent again with the code.
      if (problem.code === "totp_required") await this.#show("code");
      else this.problem = problem;
    } finally {
      this.isBusy = false;
    }
  }
}

/** Why a sign-in with the provider failed, from the address, which then forgets it. */
function refusal() {
  const reason = new URLSearchParams(location.search).get("sign-in");
  if (reason === null) return null;
  history.replaceState(null, "", location.pathname);
  return Object.hasOwn(REFUSALS, reason) ? new Problem({ detail: REFUSALS[/** @type {"stale"} */ (reason)] }) : null;
}

customElements.define("luma-sign-in", SignIn);
