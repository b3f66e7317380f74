// The whole page: the sign-in form, or the three zones; loaded when they are needed.

import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./notices.js";

class App extends View {
  constructor() {
    super();
    this.watch(session);
  }

  render() {
    if (!session.isKnown) return nothing;
    document.getElementById("starting")?.remove();
    const { user, hasEnded, requiredAction } = session;
    const isIn = user !== null && requiredAction === null;
    if (!isIn || hasEnded) import("./account.js");
    if (isIn) import("./shell.js");
    return html`
      ${isIn ? html`<luma-shell ?inert=${hasEnded}></luma-shell>` : nothing}
      ${isIn && !hasEnded ? nothing : html`<luma-account class=${hasEnded ? "is-over-page" : ""}></luma-account>`}
      <luma-notices></luma-notices>
    `;
  }
}

customElements.define("luma-app", App);
