import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

class SettingsView extends View {
  render() {
    return html`<h1>Settings</h1>`;
  }
}

customElements.define("luma-settings", SettingsView);
