import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class ReaderView extends View {
  render() {
    return html`<h1>Reader</h1>`;
  }
}

customElements.define("luma-reader", ReaderView);
