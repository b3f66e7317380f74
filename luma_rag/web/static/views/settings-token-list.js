// A list of access tokens, each with a way to revoke it.

import { ago, date } from "../core/format.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { showForm } from "./form-dialog.js";
import { listEnd } from "./settings-list.js";

/** @import { Token, Tokens } from "../stores/tokens.js" */

/** What a token of each level may do. */
export const LEVELS = { 1: "Read and ask", 2: "Read, ask and add documents", 3: "Everything that you may do" };

class TokenList extends View {
  static properties = { store: { attribute: false } };

  constructor() {
    super();
    /** @type {Tokens | null} */
    this.store = null;
    this.watch(namespaces);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!changed.has("store") || !this.store) return;
    this.watch(this.store);
    this.store.load().catch((error) => notices.showError(error));
  }

  render() {
    const items = this.store?.items;
    if (!items) return nothing;
    return html`<ul class="rows" tabindex="-1" aria-label="Access tokens">
      ${repeat(items, ({ id }) => id, (token) => this.#row(token))}
      ${items.length ? nothing : html`<li class="row muted">There are no tokens yet.</li>`}
    </ul>`;
  }

  /** @param {Token} token */
  #row(token) {
    const { name, expires_at: expiresAt, last_used_at: lastUsed } = token;
    return html`<li class="row">
      <div>
        <span class="row-name" dir="auto">${name}</span> ${expiresAt && new Date(expiresAt) < new Date() ? html`<span class="badge is-failed">Expired</span>` : nothing}
        <p class="muted" dir="auto">${scopeOf(token)}</p>
        <p class="muted">${expiresAt ? `Until ${date(expiresAt)}` : "Never expires"}, ${lastUsed ? `last used ${ago(lastUsed)}` : "never used"}</p>
      </div>
      <button type="button" class="small" aria-label="Revoke ${name}" @click=${(/** @type {Event} */ event) => this.#revoke(token, event)}>Revoke</button>
    </li>`;
  }

  /** @param {Token} token @param {Event} event */
  #revoke({ id, name }, event) {
    showForm({
      heading: "Revoke this token?",
      text: `Programs that use “${name}” stop working at once.`,
      action: "Revoke",
      isDangerous: true,
      // After the dialog has given the focus back.
      submit: () => void setTimeout(() => listEnd(this, event, () => /** @type {Tokens} */ (this.store).revoke(id)).catch((error) => notices.showError(error))),
    });
  }
}

/** @param {Token} token */
function scopeOf({ namespace_ids: ids, max_level: level }) {
  const what = LEVELS[/** @type {1} */ (level ?? 3)];
  if (ids === null) return `${what}, in all namespaces`;
  return `${what}, in ${ids.map((id) => namespaces.get(id)?.name ?? "a namespace that is gone").join(", ")}`;
}

customElements.define("luma-token-list", TokenList);
