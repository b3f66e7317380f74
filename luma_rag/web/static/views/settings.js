// The settings of the user, by section.

import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";
import { sectionTabs } from "./section-tabs.js";

/** @type {Record<string, {label: string, load: () => Promise<unknown>, element: () => unknown}>} */
const SECTIONS = {
  account: { label: "Account", load: () => import("./settings-account.js"), element: () => html`<luma-settings-account></luma-settings-account>` },
  sessions: { label: "Sessions", load: () => import("./settings-sessions.js"), element: () => html`<luma-settings-sessions></luma-settings-sessions>` },
  tokens: { label: "Access tokens", load: () => import("./settings-tokens.js"), element: () => html`<luma-settings-tokens></luma-settings-tokens>` },
  appearance: { label: "Appearance", load: () => import("./settings-appearance.js"), element: () => html`<luma-settings-appearance></luma-settings-appearance>` },
};

class Settings extends View {
  constructor() {
    super();
    this.watch(router);
  }

  render() {
    const name = router.route.section ?? "account";
    if (!Object.hasOwn(SECTIONS, name)) {
      import("./not-found.js");
      return html`<luma-not-found></luma-not-found>`;
    }
    const { label, load, element } = SECTIONS[name];
    load();
    document.title = `${label} · Settings · Luma`;
    return html`<div class="sections">
      <h1>Settings</h1>
      ${sectionTabs("settings", SECTIONS, name)}
      ${element()}
    </div>`;
  }
}

customElements.define("luma-settings", Settings);
