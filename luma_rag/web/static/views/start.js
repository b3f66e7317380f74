import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class StartView extends View {
  render() {
    return html`<h1>Start</h1>`;
  }
}

customElements.define("luma-start", StartView);
