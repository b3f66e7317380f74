// The tab with the people of a namespace: who owns it, who may do what in it.

import { Problem } from "../core/api.js";
import { copy } from "../core/clipboard.js";
import { icon } from "../core/icon.js";
import { pathOf } from "../core/router.js";
import { View } from "../core/view.js";
import { members } from "../stores/members.js";
import { MANAGE, namespaces } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { session } from "../stores/session.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { showForm } from "./form-dialog.js";
import { leaveNamespace } from "./namespace-form.js";

/** @import { Member } from "../stores/members.js" */

export const LEVELS = [
  { level: 1, name: "Reader", text: "Reads the documents and asks questions." },
  { level: 2, name: "Contributor", text: "Also adds and removes documents." },
  { level: 3, name: "Manager", text: "Also renames the namespace, shares it and can delete it." },
];

/** @param {number} level */
export const levelName = (level) => LEVELS.find((one) => one.level === level)?.name ?? "";

class People extends View {
  static properties = { namespace: { attribute: false }, problem: { state: true }, level: { state: true }, isBusy: { state: true } };

  constructor() {
    super();
    /** @type {any} */
    this.namespace = null;
    /** @type {Problem | null} */
    this.problem = null;
    this.level = 1;
    this.isBusy = false;
    this.watch(members, session);
  }

  willUpdate() {
    const canManage = this.namespace?.auth_level >= MANAGE;
    members.open(canManage ? this.namespace.id : null);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    members.open(null);
  }

  render() {
    const { namespace } = this;
    if (!namespace) return nothing;
    const canManage = namespace.auth_level >= MANAGE;
    return html`<section class="people" aria-labelledby="people-heading">
      <h2 id="people-heading" class="visually-hidden">People</h2>
      ${canManage ? this.#manage() : this.#own()}
    </section>`;
  }

  /** What somebody sees who may not manage. */
  #own() {
    const { auth_level, is_public, user_id, username } = this.namespace;
    const owner = username ?? "somebody else";
    const text = LEVELS.find(({ level }) => level === auth_level)?.text ?? "";
    return html`<div class="people-own">
      <p><span class="badge">${levelName(auth_level)}</span> <span>${text}</span></p>
      <p class="muted">Owned by <span dir="auto">${user_id === session.user?.id ? "you" : owner}</span>.
        ${is_public ? "Public: everyone with an account can read it." : ""}</p>
      <div class="people-acts">${this.#copyButton()}${this.#leaveButton()}</div>
    </div>`;
  }

  #manage() {
    const { namespace } = this;
    const { is_public, user_id } = namespace;
    return html`
      <form class="people-form" novalidate @submit=${this.#add}>
        <h3>Share with somebody</h3>
        <div class="people-fields">
          <label>User name<input name="username" dir="auto" autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${this.problem ? "true" : nothing} aria-describedby="people-hint${this.problem ? " people-error" : ""}"></label>
          <label>Role<select name="level" aria-describedby="people-level" @change=${(/** @type {any} */ event) => (this.level = Number(event.target.value))}>
            ${LEVELS.map(({ level, name }) => html`<option value=${level}>${name}</option>`)}</select></label>
          <button type="submit" class="primary" ?disabled=${this.isBusy}>Share</button>
        </div>
        ${this.problem ? html`<p id="people-error" class="error" role="alert">${this.problem.message}</p>` : nothing}
        <p class="muted"><span id="people-level"><strong>${levelName(this.level)}:</strong> ${LEVELS[this.level - 1].text}</span>
          <span id="people-hint">Enter the exact user name; names can't be searched.</span></p>
      </form>
      <h3>Who has access</h3>
      ${members.problem ? html`<p class="error" role="alert">${members.problem.message} <button type="button" class="small" @click=${() => members.load()}>Try again</button></p>` : nothing}
      <ul class="people-list" aria-busy=${members.isLoaded ? "false" : "true"}>
        <li class="person"><span class="person-name" dir="auto">${icon("people")}${this.#ownerName()}</span><span class="person-role">Owner</span></li>
        ${repeat(members.items.filter((member) => member.user_id !== user_id), (member) => member.user_id, (member) => this.#row(member))}
      </ul>
      <label class="people-public"><input type="checkbox" name="is_public" .checked=${is_public} @click=${this.#onPublic}>
        <span>Public <span class="muted">Everyone with an account can read it and ask questions.</span></span></label>
      <div class="people-acts">${this.#copyButton()}${this.#leaveButton()}</div>
    `;
  }

  #ownerName() {
    const { user_id, username } = this.namespace;
    return user_id === session.user?.id ? `${session.user?.username} (you)` : (username ?? "The owner");
  }

  /** @param {Member} member */
  #row(member) {
    const { user_id, username, auth_level } = member;
    return html`<li class="person" data-user=${username}>
      <span class="person-name" dir="auto">${icon("people")}${username}${user_id === session.user?.id ? " (you)" : ""}</span>
      <select class="person-level" aria-label="Role of ${username}" @change=${(/** @type {any} */ event) => this.#change(member, event.target)}>
        ${LEVELS.map(({ level, name }) => html`<option value=${level} ?selected=${level === auth_level} .selected=${level === auth_level}>${name}</option>`)}
      </select>
      <button type="button" class="small quiet person-remove" aria-label="Remove ${username}" @click=${() => this.#remove(member)}>Remove</button>
    </li>`;
  }

  #copyButton() {
    return html`<button type="button" class="copy-link" @click=${this.#copy}>${icon("link")}Copy link</button>`;
  }

  /** The owner can't leave; nor can who reads it only because it is public, or as an administrator. */
  #leaveButton() {
    const { user_id, is_public, auth_level } = this.namespace;
    const isMember = members.items.some((member) => member.user_id === session.user?.id);
    const may = auth_level >= MANAGE ? isMember : user_id !== session.user?.id && !(is_public && auth_level === 1);
    return may ? html`<button type="button" class="leave" @click=${() => leaveNamespace(this.namespace)}>${icon("leave")}Leave…</button>` : nothing;
  }

  /** @param {Event} event */
  async #copy(event) {
    const link = location.origin + pathOf({ view: "namespace", namespaceId: this.namespace.id });
    await copy(link, /** @type {Element} */ (event.currentTarget));
    notices.show("Link copied. It opens for people who have access.");
  }

  /** @param {SubmitEvent} event */
  async #add(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { username, level } = /** @type {any} */ (Object.fromEntries(new FormData(form)));
    this.problem = username.trim() ? null : new Problem({ detail: "Enter a user name." });
    if (!this.problem) {
      this.isBusy = true;
      try {
        const user = await members.add(username.trim(), Number(level));
        form.reset();
        this.level = 1;
        notices.show(`Shared with ${user.username}.`);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        this.problem = problem;
      }
      this.isBusy = false;
    }
    this.find("[name=username]").focus();
  }

  /** @param {Member} member @param {HTMLSelectElement} select */
  async #change(member, select) {
    try {
      await members.setLevel(member.user_id, Number(select.value));
    } catch (problem) {
      select.value = String(member.auth_level);
      notices.showError(problem);
    }
  }

  /** @param {Member} member */
  #remove({ user_id, username }) {
    showForm({
      heading: `Remove ${username}?`,
      text: `${username} loses access to “${this.namespace.name}” at once${this.namespace.is_public ? ", except to read it while it is public" : ""}.`,
      action: "Remove",
      isDangerous: true,
      submit: async () => {
        await members.remove(user_id);
        await this.updateComplete;
        requestAnimationFrame(() => this.find("[name=username]")?.focus());
      },
    });
  }

  /** The box shows what is stored, not what was clicked. @param {Event} event */
  async #onPublic(event) {
    event.preventDefault();
    try {
      await namespaces.change(this.namespace.id, { is_public: !this.namespace.is_public });
    } catch (problem) {
      notices.showError(problem);
    }
  }
}

customElements.define("luma-people", People);
