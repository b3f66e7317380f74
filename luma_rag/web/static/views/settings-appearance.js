// Settings: how the page looks, and which key sends a question.

import { View } from "../core/view.js";
import { preferences } from "../stores/preferences.js";
import { html } from "../vendor/lit/lit.js";

/** @type {{name: "theme" | "textSize" | "sendKey", label: string, options: [string, string][]}[]} */
const CHOICES = [
  {
    name: "theme",
    label: "Theme",
    options: [
      ["system", "System"],
      ["light", "Light"],
      ["dark", "Dark"],
    ],
  },
  {
    name: "textSize",
    label: "Text size",
    options: [
      ["small", "Small"],
      ["normal", "Normal"],
      ["large", "Large"],
    ],
  },
  {
    name: "sendKey",
    label: "Send a question with",
    options: [
      ["enter", "Enter"],
      ["ctrl-enter", "Ctrl + Enter"],
    ],
  },
];

class SettingsAppearance extends View {
  constructor() {
    super();
    this.watch(preferences);
  }

  render() {
    return html`
      <section class="rows" aria-label="Appearance">
        ${CHOICES.map(
          ({ name, label, options }) => html`<fieldset class="row choices">
            <legend class="row-name">${label}</legend>
            <div class="segments">
              ${options.map(
                ([value, text]) => html`<label class="segment">
                  <input type="radio" name=${name} value=${value} .checked=${preferences.values[name] === value} @change=${() => preferences.set({ [name]: value })}>
                  <span>${text}</span>
                </label>`,
              )}
            </div>
          </fieldset>`,
        )}
      </section>
      <p class="muted section-lead">Kept in this browser. The text also follows the font size of the browser.</p>
    `;
  }
}

customElements.define("luma-settings-appearance", SettingsAppearance);
