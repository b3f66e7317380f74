// The sessions and tokens of somebody else, in a dialog.

import { View } from "../core/view.js";
import { Sessions } from "../stores/sessions.js";
import { Tokens } from "../stores/tokens.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./settings-session-list.js";
import "./settings-token-list.js";

/** @import { Person } from "../stores/people.js" */

class PersonAccess extends View {
  static properties = { person: { attribute: false } };

  constructor() {
    super();
    /** @type {Person | null} */
    this.person = null;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("person") || !this.person) return;
    this.sessions = new Sessions(`/api/users/${this.person.id}/sessions`);
    this.tokens = new Tokens(`/api/users/${this.person.id}/tokens`);
  }

  render() {
    if (!this.person) return nothing;
    return html`
      <dialog class="modal" aria-labelledby="person-access-heading" @close=${() => this.remove()}>
        <div class="panel">
          <h2 id="person-access-heading"><bdi>${this.person.username}</bdi></h2>
          <h3>Sessions</h3>
          <luma-session-list .store=${this.sessions}></luma-session-list>
          <h3>Access tokens</h3>
          <luma-token-list .store=${this.tokens}></luma-token-list>
          <div class="modal-actions"><button type="button" class="primary" @click=${() => this.find("dialog").close()}>Close</button></div>
        </div>
      </dialog>
    `;
  }

  firstUpdated() {
    this.find("dialog").showModal();
  }
}

customElements.define("luma-person-access", PersonAccess);

/** @param {Person} person */
export function showPersonAccess(person) {
  const view = /** @type {PersonAccess} */ (document.createElement("luma-person-access"));
  view.person = person;
  document.body.append(view);
}
