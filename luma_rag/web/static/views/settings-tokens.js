// Settings: access tokens for programs.

import { View } from "../core/view.js";
import { tokens } from "../stores/tokens.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { copyButton } from "./copy-button.js";
import "./settings-token-form.js";
import "./settings-token-list.js";

class SettingsTokens extends View {
  static properties = { isCreating: { state: true }, created: { state: true } };

  constructor() {
    super();
    this.isCreating = false;
    /** @type {{name: string, token: string} | null} the new token, which is shown once */
    this.created = null;
  }

  render() {
    return html`
      <p class="muted section-lead">Programs use tokens to act for you. Whoever has one can do what it allows, so keep it like a password.</p>
      ${this.created ? shown(this.created) : nothing}
      ${this.isCreating
        ? html`<luma-token-form @created=${this.#onCreated} @canceled=${() => this.#end()}></luma-token-form>`
        : html`<button type="button" id="new-token" class="primary" @click=${this.#begin}>New token</button>`}
      <luma-token-list .store=${tokens}></luma-token-list>
    `;
  }

  #begin() {
    this.created = null;
    this.isCreating = true;
  }

  /** @param {CustomEvent} event */
  async #onCreated(event) {
    this.created = event.detail;
    await this.#end();
    this.find("#token-heading").focus();
  }

  async #end() {
    this.isCreating = false;
    await this.updateComplete;
    this.find("#new-token").focus();
  }
}

/** @param {{name: string, token: string}} created */
function shown({ name, token }) {
  const line = `curl -H "Authorization: Bearer ${token}" ${location.origin}/api/namespaces`;
  return html`<section class="rows new-token" aria-labelledby="token-heading"><div class="panel">
    <h2 id="token-heading" tabindex="-1">Your new token “<bdi>${name}</bdi>”</h2>
    <p class="muted">Copy it now. It can't be shown again.</p>
    <div class="secret"><code id="token-text">${token}</code>${copyButton(token, "Copy token")}</div>
    <p class="muted">Try it from a terminal:</p>
    <div class="secret"><code id="token-curl">${line}</code>${copyButton(line, "Copy command")}</div>
  </div></section>`;
}

customElements.define("luma-settings-tokens", SettingsTokens);
