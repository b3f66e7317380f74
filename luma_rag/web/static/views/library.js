// "My documents": everything of the user that is stored, also what stands in no namespace.

import { View } from "../core/view.js";
import { library } from "../stores/library.js";
import { namespaces } from "../stores/namespaces.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./documents-list.js";
import "./documents-toolbar.js";

/** @type {import("./documents-toolbar.js").Filter[]} */
const FILTERS = [
  { name: "mine", label: "Mine", query: { scope: "mine", state: "" } },
  { name: "shared", label: "Shared with me", query: { scope: "shared", state: "" } },
  { name: "public", label: "Public", query: { scope: "public", state: "" } },
  { name: "unplaced", label: "In no namespace", query: { scope: "mine", state: "unplaced" } },
];

/** What stands where nothing is found, by filter. @type {Record<string, [string, string]>} */
const EMPTY = {
  mine: ["No documents yet", "Documents that you add to a namespace stand here too, also after they were removed from it."],
  shared: ["Nothing is shared with you", "Documents that others share with you, and those in your namespaces, stand here."],
  public: ["No public documents", "Documents that everyone with an account can read stand here."],
  unplaced: ["Everything stands in a namespace", "Documents that were removed from all namespaces stand here until you delete them."],
};

class Library extends View {
  constructor() {
    super();
    this.watch(library, namespaces);
  }

  connectedCallback() {
    super.connectedCallback();
    if (library.isLoaded) library.refresh();
    else library.open();
  }

  render() {
    const isEmpty = library.isLoaded && !library.isLoading && !library.total;
    const [heading, text] = EMPTY[library.query.state || library.query.scope];
    return html`<section class="documents library" aria-labelledby="library-heading">
      <h1 id="library-heading">My documents</h1>
      <header class="documents-head">
        <luma-documents-toolbar .list=${library} .filters=${FILTERS}></luma-documents-toolbar>
      </header>
      <luma-document-list .list=${library}></luma-document-list>
      ${isEmpty && library.query.q ? html`<p class="doc-none muted" role="status">No documents found.</p>` : nothing}
      ${isEmpty && !library.query.q ? html`<div class="empty-state"><h2>${heading}</h2><p class="muted">${text}</p></div>` : nothing}
    </section>`;
  }
}

customElements.define("luma-library", Library);
