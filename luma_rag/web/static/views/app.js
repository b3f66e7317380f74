// The whole page: the sign-in form, or the three zones; loaded when they are needed.

import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./notices.js";
import "./offline-bar.js";

class App extends View {
  constructor() {
    super();
    /** @type {HTMLElement | null} where the focus was when the session ended */
    this.focused = null;
    this.watch(session);
  }

  render() {
    if (!session.isKnown) return nothing;
    document.getElementById("starting")?.remove();
    const { user, hasEnded, requiredAction } = session;
    const isIn = user !== null && requiredAction === null;
    if (!isIn || hasEnded) import("./account.js");
    if (isIn) import("./shell.js");
    if (hasEnded) this.focused ??= /** @type {HTMLElement | null} */ (document.activeElement);
    return html`
      <luma-offline-bar></luma-offline-bar>
      ${isIn ? html`<luma-shell ?inert=${hasEnded}></luma-shell>` : nothing}
      ${isIn && !hasEnded ? nothing : html`<luma-account class=${hasEnded ? "is-over-page" : ""}></luma-account>`}
      <luma-notices></luma-notices>
    `;
  }

  updated() {
    if (session.hasEnded || !this.focused) return;
    this.focused.focus();
    this.focused = null;
  }
}

customElements.define("luma-app", App);
