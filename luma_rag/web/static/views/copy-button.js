// A button that copies a text, and says that it did.

import { announce } from "../core/announce.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { html } from "../vendor/lit/lit.js";

const SAID_MS = 2000;

class CopyButton extends View {
  static properties = { text: {}, label: {}, isCopied: { state: true } };

  constructor() {
    super();
    this.text = "";
    this.label = "Copy";
    this.isCopied = false;
  }

  render() {
    return html`<button type="button" @click=${this.#copy}>${icon(this.isCopied ? "check" : "copy")}${this.isCopied ? "Copied" : this.label}</button>`;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.text);
    } catch {
      // Without https, browsers have no clipboard for pages.
      notices.show("This browser doesn't let the page copy. Select the text, then copy it.", { isError: true });
      return;
    }
    this.isCopied = true;
    announce("Copied.");
    setTimeout(() => (this.isCopied = false), SAID_MS);
  }
}

customElements.define("luma-copy-button", CopyButton);

/** @param {string} text @param {string} label */
export const copyButton = (text, label) => html`<luma-copy-button .text=${text} .label=${label}></luma-copy-button>`;
