// The recovery codes of a second factor, which are shown only once.

import { saveFile } from "../core/files.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";
import { copyButton } from "./copy-button.js";

class RecoveryCodes extends View {
  static properties = { codes: { attribute: false } };

  constructor() {
    super();
    /** @type {string[]} */
    this.codes = [];
  }

  render() {
    return html`
      <div class="recovery-codes">
        <h1 id="account-heading" tabindex="-1">Keep your recovery codes</h1>
        <p class="muted">Each signs you in once if you lose your phone. They are shown only now.</p>
        <ul class="codes">${this.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
        <div class="row-actions">
          ${copyButton(this.codes.join("\n"), "Copy codes")}
          <button type="button" @click=${() => saveFile("luma-recovery-codes.txt", `${this.codes.join("\n")}\n`)}>${icon("download")}Download</button>
        </div>
        <button type="button" id="codes-kept" class="primary" @click=${() => this.dispatchEvent(new Event("kept"))}>I have kept them</button>
      </div>
    `;
  }

  firstUpdated() {
    this.find("h1").focus();
  }
}

customElements.define("luma-recovery-codes", RecoveryCodes);
