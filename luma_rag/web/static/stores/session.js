// The signed-in user, and the ways to sign in.

import { call, onSignedOut, Problem } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").UserView} User */
/** @typedef {import("../../api.js").SignInOptions} SignInOptions */
/** @typedef {"change_password" | "set_up_second_factor"} RequiredAction */

const OPTIONS = { openid: null, has_passwords: true, can_register: false, is_empty: false };

class Session extends Store {
  /** @type {User | null} */
  user = null;
  /** Whether it is known if somebody is signed in. */
  isKnown = false;
  /** Whether a session ended while the page was in use: what is on the screen stays, below the sign-in form. */
  hasEnded = false;
  /** @type {RequiredAction | null} what the user has to do before anything else */
  requiredAction = null;
  /** @type {SignInOptions} */
  options = OPTIONS;

  get isAdmin() {
    return this.user?.role === "admin";
  }

  /** Find out whether somebody is signed in. */
  async start() {
    onSignedOut(() => this.#end());
    try {
      await this.#admit(await call("GET", "/api/auth/me"));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 401) throw problem;
      await this.loadOptions();
    }
    this.isKnown = true;
    this.changed();
  }

  async loadOptions() {
    // Password sign-in works without them.
    this.options = await call("GET", "/api/auth/options").catch(() => OPTIONS);
    this.changed();
  }

  /**
   * Throws a Problem; its code `totp_required` asks for a code.
   * @param {{username: string, password: string, code?: string | null}} credentials
   */
  async signIn(credentials) {
    const user = await call("POST", "/api/auth/login", { code: null, ...credentials });
    const isAnother = this.user !== null && this.user.id !== user.id;
    await this.#admit(user);
    // Nothing of another user may stay on the screen or in memory.
    if (isAnother) location.assign("/");
  }

  /** @param {{username: string, email: string, password: string}} account */
  async register(account) {
    await call("POST", "/api/auth/register", account);
    await this.signIn({ username: account.username, password: account.password });
  }

  /** End the session and load the page anew, so that none of its data stays on the screen or in memory. */
  async signOut() {
    await call("POST", "/api/auth/logout");
    sessionStorage.clear();
    (await import("./drafts.js")).drafts.clear();
    location.assign("/");
  }

  /** Read again what the user has to do first, after they have done something. */
  async refresh() {
    await this.#admit(await call("GET", "/api/auth/me"));
  }

  /** @param {User} user */
  async #admit(user) {
    const account = await call("GET", "/api/auth/account");
    this.requiredAction = account.required_action;
    this.user = user;
    this.hasEnded = false;
    this.changed();
  }

  #end() {
    if (this.user === null || this.hasEnded) return;
    this.hasEnded = true;
    this.loadOptions();
  }
}

export const session = new Session();
