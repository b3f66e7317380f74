// Administration, by section. For others, the page does not exist.

import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { session } from "../stores/session.js";
import { html } from "../vendor/lit/lit.js";
import { sectionTabs } from "./section-tabs.js";

/** @type {Record<string, {label: string, load: () => Promise<unknown>, element: () => unknown}>} */
const SECTIONS = {
  people: { label: "People", load: () => import("./administration-people.js"), element: () => html`<luma-admin-people></luma-admin-people>` },
  audit: { label: "Audit", load: () => import("./administration-audit.js"), element: () => html`<luma-admin-audit></luma-admin-audit>` },
  health: { label: "Health", load: () => import("./administration-health.js"), element: () => html`<luma-admin-health></luma-admin-health>` },
  models: { label: "Models", load: () => import("./administration-models.js"), element: () => html`<luma-admin-models></luma-admin-models>` },
  feedback: { label: "Feedback", load: () => import("./administration-feedback.js"), element: () => html`<luma-admin-feedback></luma-admin-feedback>` },
};

class Administration extends View {
  constructor() {
    super();
    this.watch(router, session);
  }

  render() {
    const name = router.route.section ?? "people";
    if (!session.isAdmin || !Object.hasOwn(SECTIONS, name)) {
      import("./not-found.js");
      return html`<luma-not-found></luma-not-found>`;
    }
    const { label, load, element } = SECTIONS[name];
    load();
    document.title = `${label} · Administration · Luma`;
    return html`<div class="sections is-wide">
      <h1>Administration</h1>
      ${sectionTabs("admin", SECTIONS, name)}
      ${element()}
    </div>`;
  }
}

customElements.define("luma-administration", Administration);
