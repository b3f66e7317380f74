// The rail: namespaces, chats by day, the user.

import { icon } from "../core/icon.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { session } from "../stores/session.js";
import { html } from "../vendor/lit/lit.js";

class Rail extends View {
  constructor() {
    super();
    this.watch(router, namespaces, session);
  }

  render() {
    return html`
      <nav class="rail" aria-label="Chats and namespaces">
        <a class="brand" href="/">Luma</a>
        <ul class="entries">
          ${namespaces.items.map(
            (namespace) => html`<li><a href=${pathOf({ view: "namespace", namespaceId: namespace.id })} dir="auto">${namespace.name}</a></li>`,
          )}
        </ul>
        <a href="/documents">${icon("file")} My documents</a>
        <a href="/settings">${icon("settings")} Settings</a>
      </nav>
    `;
  }
}

customElements.define("luma-rail", Rail);
