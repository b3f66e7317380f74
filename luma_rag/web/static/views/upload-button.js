// Buttons that choose files or a folder to add to a namespace, or to a new one.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { READABLE, uploads } from "../stores/uploads.js";
import { html } from "../vendor/lit/lit.js";
import { withoutHidden } from "./upload-drop.js";
import { startWith } from "./upload-zone.js";

const ACCEPT = Object.values(READABLE).flat().map((extension) => `.${extension}`).join(",");

class UploadButton extends View {
  static properties = { namespace: { attribute: false }, isQuiet: { type: Boolean } };

  constructor() {
    super();
    /** @type {import("../stores/namespaces.js").Namespace | null} null for a new one */
    this.namespace = null;
    this.isQuiet = false;
  }

  render() {
    const choose = (/** @type {string} */ kind) => () => this.find(`input.${kind}`).click();
    return html`
      <input class="files" type="file" multiple hidden accept=${ACCEPT} aria-label="Files" @change=${this.#onChange}>
      <input class="folder" type="file" webkitdirectory hidden aria-label="Folder" @change=${this.#onChange}>
      <button type="button" class=${this.isQuiet ? "choose-files" : "choose-files primary"} title="Add documents" @click=${choose("files")}>
        ${icon("upload")}<span>Add<span class="spare-word"> documents</span></span>
      </button>
      <button type="button" class="quiet choose-folder" title="Add a folder with all its documents" @click=${choose("folder")}>
        ${icon("folder")}<span>Add a folder</span>
      </button>
    `;
  }

  /** @param {Event} event */
  async #onChange(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const files = withoutHidden([...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.value = "";
    try {
      await (this.namespace ? uploads.add(files, this.namespace.id) : startWith(files));
    } catch (problem) {
      notices.showError(problem);
    }
  }
}

customElements.define("luma-upload-button", UploadButton);
