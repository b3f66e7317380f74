// The namespaces in the rail.

import { count, number } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { html, ifDefined, nothing, repeat } from "../vendor/lit/lit.js";

/** How many are shown before "Show all". */
const FEW = 6;

class RailNamespaces extends View {
  static properties = { query: {}, isOpen: { state: true } };

  constructor() {
    super();
    /** Only namespaces with this text in the name; all, if it is empty. */
    this.query = "";
    this.isOpen = false;
    this.watch(router, namespaces);
  }

  render() {
    const query = this.query.trim().toLowerCase();
    const found = namespaces.items.filter(({ name }) => name.toLowerCase().includes(query));
    const shown = this.isOpen || query ? found : found.slice(0, FEW);
    if (query && !found.length) return nothing;
    return html`
      <section aria-labelledby="rail-namespaces">
        <div class="rail-heading">
          <h2 id="rail-namespaces">Namespaces</h2>
          ${iconButton("plus", "New namespace", createNamespace, "icon small")}
        </div>
        <ul class="rail-entries">
          ${repeat(shown, ({ id }) => id, entry)}
        </ul>
        ${found.length > shown.length
          ? html`<button type="button" class="quiet small rail-more" @click=${() => (this.isOpen = true)}>Show all ${number(found.length)}</button>`
          : nothing}
      </section>
    `;
  }
}

/** @param {import("../stores/namespaces.js").Namespace} namespace */
function entry({ id, name, documents }) {
  const { view, namespaceId } = router.route;
  const isCurrent = view === "namespace" && namespaceId === id;
  return html`<li class="rail-row">
    <a class="rail-entry" href=${pathOf({ view: "namespace", namespaceId: id })} aria-current=${ifDefined(isCurrent ? "page" : undefined)}>
      ${icon("folder")}<span class="rail-name" dir="auto">${name}</span>
      <span class="rail-count" aria-hidden="true">${number(documents)}</span><span class="visually-hidden">, ${count(documents, "document")}</span>
    </a>
  </li>`;
}

/** Show the form for a new namespace. */
export async function createNamespace() {
  const form = await import("./namespace-form.js");
  form.createNamespace();
}

customElements.define("luma-rail-namespaces", RailNamespaces);
