// Shown where nothing exists, or nothing that the user may see.

import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class NotFound extends View {
  static properties = { what: {} };

  constructor() {
    super();
    this.what = "page";
  }

  render() {
    return html`<div class="empty-state">
      <h1>Not found</h1>
      <p class="muted">This ${this.what} doesn't exist, or you don't have access to it.</p>
      <a class="button primary" href="/">Go to the start</a>
    </div>`;
  }
}

customElements.define("luma-not-found", NotFound);
