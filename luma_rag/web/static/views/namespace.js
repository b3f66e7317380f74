import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./documents.js";
import "./people.js";

/** The open namespace: its name, tabs, and what the tab shows. */
class NamespaceView extends View {
  constructor() {
    super();
    this.watch(router, namespaces);
  }

  render() {
    const { namespaceId, tab } = router.route;
    const namespace = namespaces.get(namespaceId);
    if (!namespace) return nothing;
    const link = (/** @type {any} */ name, /** @type {string} */ label) =>
      html`<a href=${pathOf({ view: "namespace", namespaceId, tab: name })} aria-current=${name === tab ? "page" : "false"}>${label}</a> `;
    return html`
      <header><h1 dir="auto">${namespace.name}</h1>${link("chat", "Chat")}${link("documents", "Documents")}${link("people", "People")}</header>
      ${tab === "documents" ? html`<luma-documents .namespace=${namespace}></luma-documents>` : nothing}
      ${tab === "people" ? html`<luma-people .namespace=${namespace}></luma-people>` : nothing}
    `;
  }
}

customElements.define("luma-namespace", NamespaceView);
