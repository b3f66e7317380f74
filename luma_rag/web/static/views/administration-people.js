// Administration: everybody with an account.

import { count, date } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { people } from "../stores/people.js";
import { session } from "../stores/session.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { actionsFor, create } from "./administration-person-actions.js";
import "./menu.js";

/** @import { Person } from "../stores/people.js" */

class AdminPeople extends View {
  static properties = { query: { state: true } };

  constructor() {
    super();
    this.query = "";
    this.watch(people);
  }

  connectedCallback() {
    super.connectedCallback();
    people.load().catch((error) => notices.showError(error));
  }

  render() {
    const query = this.query.trim().toLowerCase();
    const found = (people.items ?? []).filter(({ username, email }) => `${username} ${email}`.toLowerCase().includes(query));
    return html`
      <div class="toolbar">
        <div class="search-field" role="search" aria-label="People">${icon("search")}<input id="people-search" type="search" aria-label="Find people" placeholder="Find people" dir="auto"
          @input=${(/** @type {InputEvent} */ event) => (this.query = /** @type {HTMLInputElement} */ (event.target).value)}></div>
        <button type="button" id="new-person" class="primary" @click=${create}>${icon("plus")}New account</button>
      </div>
      ${people.items ? this.#list(found) : nothing}
    `;
  }

  /** @param {Person[]} found */
  #list(found) {
    return html`<p class="muted" role="status">${count(found.length, "account")}</p>
    <ul class="rows people" tabindex="-1" aria-label="Accounts">
      ${repeat(found, ({ id }) => id, row)}
      ${found.length ? nothing : html`<li class="row muted">Nobody has this name.</li>`}
    </ul>`;
  }
}

/** @param {Person} person */
function row(person) {
  const { id, username, email, role, is_disabled: isDisabled, has_second_factor: hasSecondFactor } = person;
  const owned = [person.namespaces && count(person.namespaces, "namespace"), person.documents && count(person.documents, "document")].filter(Boolean);
  const facts = [hasSecondFactor && "second factor", person.must_change_password && "has to choose a password", owned.length ? `owns ${owned.join(" and ")}` : "owns nothing"];
  return html`<li class="row" data-user=${username}>
    <span class="avatar ${isDisabled ? "is-off" : ""}" aria-hidden="true">${[...username][0]?.toUpperCase()}</span>
    <div class="row-main">
      <span class="row-name" dir="auto">${username}</span>
      ${role === "admin" ? html`<span class="badge is-on">Administrator</span>` : nothing}
      ${isDisabled ? html`<span class="badge is-warning">Disabled</span>` : nothing}
      ${id === session.user?.id ? html`<span class="badge">You</span>` : nothing}
      <p class="muted" dir="auto">${email}</p>
      <p class="muted">Since ${date(person.created_at)}, ${facts.filter(Boolean).join(", ")}</p>
    </div>
    <luma-menu label="Actions for ${username}" .items=${actionsFor(person)}></luma-menu>
  </li>`;
}

customElements.define("luma-admin-people", AdminPeople);
