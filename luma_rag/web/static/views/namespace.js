import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class NamespaceView extends View {
  render() {
    return html`<h1>Namespace</h1>`;
  }
}

customElements.define("luma-namespace", NamespaceView);
