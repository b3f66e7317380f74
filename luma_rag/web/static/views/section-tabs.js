// The links to the sections of a view.

import { pathOf } from "../core/router.js";
import { html, ifDefined } from "../vendor/lit/lit.js";

/**
 * @param {"settings" | "admin"} view
 * @param {Record<string, {label: string}>} sections
 * @param {string} current
 */
export const sectionTabs = (view, sections, current) => html`
  <nav class="section-tabs" aria-label="Sections">
    ${Object.entries(sections).map(
      ([section, { label }]) =>
        html`<a href=${pathOf({ view, section })} aria-current=${ifDefined(section === current ? "page" : undefined)}>${label}</a>`,
    )}
  </nav>
`;
