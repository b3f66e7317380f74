// A place to drop files on, or to choose them. A new namespace is made of them.

import { icon } from "../core/icon.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { html, nothing } from "../vendor/lit/lit.js";

class StartFiles extends View {
  static properties = { isSmall: { type: Boolean }, isOver: { state: true } };

  constructor() {
    super();
    this.isSmall = false;
    /** Whether files are held over it. */
    this.isOver = false;
  }

  render() {
    return html`<label class="drop-zone ${this.isSmall ? "is-small" : ""} ${this.isOver ? "is-over" : ""}"
      @dragover=${this.#onDragOver} @dragleave=${() => (this.isOver = false)} @drop=${this.#onDrop}>
      ${icon("upload")}
      <span class="drop-zone-name">${this.isSmall ? "Drop files here to make a new namespace of them" : "Drop your files here"}</span>
      ${this.isSmall ? nothing : html`<span class="muted">PDF and Word documents, or click to choose</span>`}
      <input id="start-files" class="visually-hidden" type="file" multiple @change=${this.#onChoose}>
    </label>`;
  }

  /** @param {DragEvent} event */
  #onDragOver(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.isOver = true;
  }

  /** @param {DragEvent} event */
  #onDrop(event) {
    event.preventDefault();
    this.isOver = false;
    add([...(event.dataTransfer?.files ?? [])]);
  }

  /** @param {Event} event */
  #onChoose(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const files = [...(input.files ?? [])];
    // The same file can be chosen again.
    input.value = "";
    add(files);
  }
}

/** @param {File[]} files */
async function add(files) {
  if (!files.length) return;
  try {
    const { uploads } = await import("../stores/uploads.js");
    const namespace = await uploads.addToNew(files);
    if (namespace) router.go({ view: "namespace", namespaceId: namespace.id });
  } catch (error) {
    notices.showError(error);
  }
}

customElements.define("luma-start-files", StartFiles);
