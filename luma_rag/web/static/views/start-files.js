// A place to choose files, or to drop them on. A new namespace is made of them.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { html, nothing } from "../vendor/lit/lit.js";

class StartFiles extends View {
  static properties = { isSmall: { type: Boolean } };

  constructor() {
    super();
    this.isSmall = false;
  }

  render() {
    // The whole start takes dropped files, and so this place does.
    return html`<label class="drop-zone ${this.isSmall ? "is-small" : ""}">
      ${icon("upload")}
      <span class="drop-zone-name">${this.isSmall ? "Drop files here to make a new namespace of them" : "Drop your files here"}</span>
      ${this.isSmall ? nothing : html`<span class="muted">PDF, Office, and text files, or click to choose</span>`}
      <input id="start-files" class="visually-hidden" type="file" multiple @change=${this.#onChoose}>
    </label>`;
  }

  /** @param {Event} event */
  async #onChoose(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const files = [...(input.files ?? [])];
    // The same file can be chosen again.
    input.value = "";
    if (!files.length) return;
    try {
      const { startWith } = await import("./upload-zone.js");
      await startWith(files);
    } catch (error) {
      notices.showError(error);
    }
  }
}

customElements.define("luma-start-files", StartFiles);
