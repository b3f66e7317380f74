// The user at the bottom of the rail, with a menu.

import { icon } from "../core/icon.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { session } from "../stores/session.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./menu.js";
import { showShortcuts } from "./shortcuts.js";

class RailUser extends View {
  constructor() {
    super();
    this.watch(session);
  }

  render() {
    const { user, isAdmin } = session;
    if (!user) return nothing;
    const face = html`
      <span class="avatar" aria-hidden="true">${[...user.username][0]?.toUpperCase()}</span>
      <span id="user-name" class="rail-name" dir="auto">${user.username}</span><span class="visually-hidden">, account menu</span>${icon("more")}
    `;
    const items = [
      { label: "My documents", icon: "file", run: () => router.go({ view: "documents" }) },
      { label: "Settings", icon: "settings", run: () => router.go({ view: "settings" }) },
      isAdmin && { label: "Administration", icon: "shield", run: () => router.go({ view: "admin" }) },
      { label: "Keyboard shortcuts", icon: "keyboard", run: showShortcuts },
      { label: "Sign out", icon: "leave", run: () => session.signOut().catch((error) => notices.showError(error)) },
    ];
    return html`<luma-menu class="rail-user" label="Account menu" .face=${face} .items=${items}></luma-menu>`;
  }
}

customElements.define("luma-rail-user", RailUser);
