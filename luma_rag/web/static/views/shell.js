// The three zones: rail, main and reader.
//
// Wide: side by side. At most 1000 px: the rail is a drawer, the reader lies over the main zone. At most 560 px: one
// of them at a time.

import { icon } from "../core/icon.js";
import { startKeys } from "../core/keys.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { events } from "../stores/events.js";
import { watchAccess } from "../stores/lost-access.js";
import { namespaces } from "../stores/namespaces.js";
import { preferences } from "../stores/preferences.js";
import { uploads } from "../stores/uploads.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./rail.js";
import "./resizer.js";
import "./upload-tray.js";
import "./upload-zone.js";

/** One template for both, so that a chat that begins keeps the element, and the focus in it. */
const namespaceView = () => html`<luma-namespace></luma-namespace>`;

/** The module and the element of each view of the main zone. */
const VIEWS = {
  start: [() => import("./start.js"), () => html`<luma-start></luma-start>`],
  namespace: [() => import("./namespace.js"), namespaceView],
  chat: [() => import("./namespace.js"), namespaceView],
  documents: [() => import("./library.js"), () => html`<luma-library></luma-library>`],
  settings: [() => import("./settings.js"), () => html`<luma-settings></luma-settings>`],
  admin: [() => import("./administration.js"), () => html`<luma-administration></luma-administration>`],
  unknown: [() => import("./not-found.js"), () => html`<luma-not-found></luma-not-found>`],
};

class Shell extends View {
  static properties = { isRailOpen: { state: true } };

  constructor() {
    super();
    this.isRailOpen = false;
    this.watch(router, preferences);
    router.subscribe(() => {
      this.isRailOpen = false;
    });
  }

  connectedCallback() {
    super.connectedCallback();
    events.start();
    startKeys();
    namespaces.start();
    namespaces.load();
    watchAccess();
    uploads.start();
  }

  render() {
    const { view, reader } = router.route;
    const [load, element] = VIEWS[view];
    load();
    if (reader) import("./reader.js");
    return html`
      <a class="skip-link" href="#main" @click=${this.#skip}>Skip to content</a>
      <div class="shell ${reader ? "has-reader" : ""} ${this.isRailOpen ? "has-rail" : ""}">
        <luma-rail class="zone-rail" id="rail" @keydown=${this.#onRailKey}></luma-rail>
        <div class="scrim" @click=${this.closeRail}></div>
        <div class="zone-main">
          <button type="button" class="icon rail-button" aria-label="Chats and namespaces" title="Chats and namespaces"
            aria-controls="rail" aria-expanded=${this.isRailOpen ? "true" : "false"} @click=${this.openRail}>${icon("menu")}</button>
          <main id="main" tabindex="-1">${element()}</main>
          <luma-upload-tray></luma-upload-tray>
          <luma-upload-zone></luma-upload-zone>
        </div>
        ${reader ? html`<aside class="zone-reader" aria-label="Reader"><luma-resizer></luma-resizer><luma-reader></luma-reader></aside>` : nothing}
      </div>
    `;
  }

  updated() {
    this.find(".shell").style.setProperty("--reader-share", String(preferences.values.readerWidth));
  }

  /** Open the rail where it is a drawer, and hold the focus in it. */
  async openRail() {
    this.isRailOpen = true;
    await this.updateComplete;
    this.find("luma-rail").querySelector("a, button")?.focus();
  }

  closeRail() {
    if (!this.isRailOpen) return;
    this.isRailOpen = false;
    this.find(".rail-button").focus();
  }

  /** @param {KeyboardEvent} event */
  #onRailKey(event) {
    if (!this.isRailOpen) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.closeRail();
    } else if (event.key === "Tab") {
      const stops = [...this.find("luma-rail").querySelectorAll("a[href], button, input")].filter((stop) => stop.checkVisibility());
      const [first, last] = [stops[0], stops.at(-1)];
      const leaves = document.activeElement === (event.shiftKey ? first : last);
      if (!leaves) return;
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault();
    this.find("#main").focus();
  }
}

customElements.define("luma-shell", Shell);
