// Where a document stands, and with whom it is shared: for its owner and administrators.

import { call, listAll, Problem } from "../core/api.js";
import { date } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { documents } from "../stores/documents.js";
import { findUser } from "../stores/members.js";
import { html, nothing } from "../vendor/lit/lit.js";

/** @typedef {{namespace_id: number, name: string, username: string, placed_at: string | null}} Place */
/** @typedef {{user_id: number, username: string, permission: "read" | "write"}} Share */

const PERMISSIONS = [
  { value: "read", label: "Can read" },
  { value: "write", label: "Can rename it and add it to namespaces" },
];

class StandingDialog extends View {
  static properties = { doc: { attribute: false }, places: { state: true }, shares: { state: true }, problem: { state: true }, nameProblem: { state: true } };

  constructor() {
    super();
    /** @type {import("../stores/document-list.js").Doc | null} */
    this.doc = null;
    /** @type {Place[] | null} */
    this.places = null;
    /** @type {Share[] | null} */
    this.shares = null;
    this.problem = "";
    this.nameProblem = "";
  }

  firstUpdated() {
    this.find("dialog").showModal();
    this.#load();
  }

  render() {
    const { doc, places, shares } = this;
    if (!doc) return nothing;
    return html`<dialog class="modal standing" aria-labelledby="standing-heading" @close=${() => this.remove()}>
      <header><h2 id="standing-heading" dir="auto">${doc.title}</h2>${iconButton("close", "Close", () => this.find("dialog").close())}</header>
      ${this.problem ? html`<p class="error" role="alert">${this.problem} <button type="button" class="small" @click=${this.#load}>Try again</button></p>` : nothing}
      <h3>Stands in</h3>
      ${places?.length === 0 ? html`<p class="muted">It stands in no namespace.</p>` : nothing}
      <ul class="standing-list" aria-busy=${places ? "false" : "true"}>${places?.map((place) => this.#place(place))}</ul>
      <h3>Shared with</h3>
      <form class="share-form" novalidate @submit=${this.#share}>
        <label><span class="visually-hidden">User name</span>
          <input name="username" dir="auto" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="Exact user name"
            aria-invalid=${this.nameProblem ? "true" : nothing} aria-describedby=${this.nameProblem ? "share-error" : nothing}></label>
        <label><span class="visually-hidden">Permission</span><select name="permission">${PERMISSIONS.map(({ value, label }) => html`<option value=${value}>${label}</option>`)}</select></label>
        <button type="submit" class="primary">Share</button>
        ${this.nameProblem ? html`<p id="share-error" class="error" role="alert">${this.nameProblem}</p>` : nothing}
      </form>
      ${shares?.length === 0 ? html`<p class="muted">Nobody. People who can read a namespace that holds it can read it too.</p>` : nothing}
      <ul class="standing-list" aria-busy=${shares ? "false" : "true"}>${shares?.map((share) => this.#shareRow(share))}</ul>
    </dialog>`;
  }

  /** @param {Place} place */
  #place(place) {
    const { name, username, placed_at } = place;
    return html`<li>${icon("folder")}
      <span class="standing-name"><span dir="auto">${name}</span>
        <span class="muted" dir="auto">Added by ${username}${placed_at ? ` on ${date(placed_at)}` : ""}</span></span>
      <button type="button" class="small" aria-label="Take out of ${name}" @click=${() => this.#takeOut(place)}>Take out</button></li>`;
  }

  /** @param {Share} share */
  #shareRow(share) {
    const { user_id: id, username, permission } = share;
    return html`<li>${icon("people")}<span class="standing-name" dir="auto">${username}</span>
      <select aria-label="Permission of ${username}" @change=${(/** @type {any} */ event) => this.#act(() => call("PUT", `${this.#path}/permissions/${id}`, { permission: event.target.value }))}>
        ${PERMISSIONS.map(({ value, label }) => html`<option value=${value} ?selected=${value === permission}>${label}</option>`)}</select>
      ${iconButton("close", `Stop sharing with ${username}`, () => this.#act(() => call("DELETE", `${this.#path}/permissions/${id}`)))}</li>`;
  }

  get #path() {
    return `/api/documents/${this.doc?.id}`;
  }

  #load = async () => {
    this.problem = "";
    try {
      [this.places, this.shares] = await Promise.all([listAll(`${this.#path}/namespaces`), listAll(`${this.#path}/permissions`)]);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem.message;
    }
  };

  /** @param {Place} place */
  async #takeOut({ namespace_id: id }) {
    await this.#act(() => call("DELETE", `${this.#path}/namespaces/${id}`));
    if (id === documents.namespaceId && !this.places?.some((place) => place.namespace_id === id)) documents.drop(Number(this.doc?.id));
  }

  /** @param {() => Promise<unknown>} request */
  async #act(request) {
    try {
      await request();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status !== 404) {
        this.problem = problem.message;
        return;
      }
    }
    await this.#load();
    await this.updateComplete;
    if (!this.contains(document.activeElement)) this.find("header button").focus();
  }

  /** @param {SubmitEvent} event */
  async #share(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { username, permission } = /** @type {any} */ (Object.fromEntries(new FormData(form)));
    this.nameProblem = username.trim() ? "" : "Enter a user name.";
    if (this.nameProblem) return;
    try {
      const user = await findUser(username.trim());
      await call("PUT", `${this.#path}/permissions/${user.id}`, { permission });
      form.reset();
      await this.#load();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.nameProblem = problem.message;
    }
    this.find("[name=username]").focus();
  }
}

customElements.define("luma-standing-dialog", StandingDialog);

/** Show where a document stands. @param {import("../stores/document-list.js").Doc} doc */
export function showStanding(doc) {
  document.body.append(Object.assign(document.createElement("luma-standing-dialog"), { doc }));
}
