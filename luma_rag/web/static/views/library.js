import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class LibraryView extends View {
  render() {
    return html`<h1>Library</h1>`;
  }
}

customElements.define("luma-library", LibraryView);
