import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class AdministrationView extends View {
  render() {
    return html`<h1>Administration</h1>`;
  }
}

customElements.define("luma-administration", AdministrationView);
