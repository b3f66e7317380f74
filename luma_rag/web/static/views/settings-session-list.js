// A list of sessions, each with a way to end it.

import { ago } from "../core/format.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { listEnd } from "./settings-list.js";

/** @import { Sessions, SignedInSession } from "../stores/sessions.js" */

class SessionList extends View {
  static properties = { store: { attribute: false } };

  constructor() {
    super();
    /** @type {Sessions | null} */
    this.store = null;
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
    return html`<ul class="rows" tabindex="-1" aria-label="Sessions">
      ${repeat(items, ({ id }) => id, (item) => this.#row(item))}
      ${items.length ? nothing : html`<li class="row muted">No browser is signed in.</li>`}
    </ul>`;
  }

  /** @param {SignedInSession} item */
  #row({ id, user_agent: userAgent, address, last_used_at: lastUsed, is_current: isCurrent }) {
    const browser = browserOf(userAgent);
    return html`<li class="row">
      <div>
        <span class="row-name">${browser}</span> ${isCurrent ? html`<span class="badge is-on">This browser</span>` : nothing}
        <p class="muted">Last used ${ago(lastUsed)}${address ? html`, from ${address}` : nothing}</p>
      </div>
      ${isCurrent ? nothing : html`<button type="button" class="small" aria-label="End the session of ${browser}" @click=${(/** @type {Event} */ event) => this.#end(id, event)}>End</button>`}
    </li>`;
  }

  /** @param {number} id @param {Event} event */
  async #end(id, event) {
    try {
      await listEnd(this, event, () => /** @type {Sessions} */ (this.store).end(id));
    } catch (error) {
      notices.showError(error);
    }
  }
}

/** Parts of user agents, the more specific ones first: most browsers also name others. */
const BROWSERS = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", CrOS: "ChromeOS", Linux: "Linux" };

/** "Firefox on Linux". @param {string | null} userAgent */
function browserOf(userAgent) {
  const named = (/** @type {Record<string, string>} */ names) => Object.entries(names).find(([part]) => userAgent?.includes(part))?.[1];
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)];
  return browser ? browser + (system ? ` on ${system}` : "") : "Another browser";
}

customElements.define("luma-session-list", SessionList);
