// The head of the reader: title, what can be done with the document, and the ways through it.

import { number } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { reader } from "../stores/reader.js";
import { readerFind } from "../stores/reader-find.js";
import { html, live, nothing } from "../vendor/lit/lit.js";
import "./reader-outline.js";

const STEP = 1.2;
/** A PDF at its real size: 72 points to the inch, 96 pixels to the inch. */
const REAL_SIZE = 96 / 72;

class ReaderHeader extends View {
  constructor() {
    super();
    this.watch(reader, readerFind);
  }

  render() {
    const { document, title, file, state } = reader;
    const isShown = state === "pdf" || state === "text";
    return html`
      <div class="reader-header">
        <div class="reader-bar">
          <h2 class="reader-title" tabindex="-1" dir="auto" title=${title}>${title || (state === "loading" ? "Opening …" : "Document")}</h2>
          ${isShown ? html`<luma-reader-outline></luma-reader-outline>` : nothing}
          ${isShown ? iconButton("search", "Find in this document", () => (readerFind.isOpen ? readerFind.close() : readerFind.open()), "icon small") : nothing}
          ${isShown && document ? this.#fileLinks(document) : nothing}
          ${iconButton("close", "Close the reader", () => router.closeReader(), "icon small")}
        </div>
        ${file || reader.citations.length > 1
          ? html`<div class="reader-bar reader-tools" role="toolbar" aria-label="Page and zoom">
              ${file ? this.#pages(file.pages) : nothing} ${file ? this.#zoom() : nothing} ${this.#marks()}
            </div>`
          : nothing}
      </div>
    `;
  }

  /** @param {import("../stores/reader.js").Document} document */
  #fileLinks({ id, type }) {
    const path = `/api/documents/${id}/file`;
    return html`
      ${type === "pdf"
        ? html`<a class="button icon small" href="${path}#page=${reader.page}" target="_blank" rel="noopener" aria-label="Open in a new tab" title="Open in a new tab">${icon("open")}</a>`
        : nothing}
      <a class="button icon small" href=${path} download aria-label="Download" title="Download">${icon("download")}</a>
    `;
  }

  /** @param {number} pages */
  #pages(pages) {
    const { page } = reader;
    return html`<div class="reader-group">
      ${this.#step("up", "Previous page", page <= 1, () => reader.goToPage(page - 1))}
      <input class="reader-page-field" name="page" inputmode="numeric" autocomplete="off" aria-label="Page, of ${number(pages)}"
        .value=${live(String(page))} @change=${this.#onPage} @focus=${(/** @type {FocusEvent} */ event) => /** @type {HTMLInputElement} */ (event.target).select()}>
      <span class="reader-count" aria-hidden="true">of ${number(pages)}</span>
      ${this.#step("down", "Next page", page >= pages, () => reader.goToPage(page + 1))}
    </div>`;
  }

  /** @param {Event} event */
  #onPage(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const page = Number.parseInt(input.value, 10);
    if (page > 0) reader.goToPage(page);
    input.value = String(reader.page);
  }

  #zoom() {
    const percent = Math.round((reader.scale / REAL_SIZE) * 100);
    return html`<div class="reader-group">
      ${iconButton("zoom-out", "Smaller", () => reader.setZoom(reader.scale / STEP), "icon small")}
      <button type="button" class="quiet small reader-zoom" title="Fit the width" aria-label="Zoom ${percent} %, fit the width"
        @click=${() => reader.setZoom("width")}>${percent} %</button>
      ${iconButton("zoom-in", "Larger", () => reader.setZoom(reader.scale * STEP), "icon small")}
    </div>`;
  }

  #marks() {
    const { citation, citations } = reader;
    if (!citation || citations.length < 2) return nothing;
    const place = `${citations.indexOf(citation) + 1} of ${citations.length}`;
    return html`<div class="reader-group reader-marks">
      ${iconButton("left", "Previous passage of the answer", () => reader.goToCitation(-1), "icon small")}
      <span class="reader-count"><span class="reader-swatch"></span><span class="reader-word">Passage </span>${place}</span>
      ${iconButton("right", "Next passage of the answer", () => reader.goToCitation(1), "icon small")}
    </div>`;
  }

  /** @param {string} name @param {string} label @param {boolean} isAtEnd @param {() => void} onClick */
  #step(name, label, isAtEnd, onClick) {
    // Not disabled: a button that is disabled while it has the focus loses it.
    return html`<button type="button" class="icon small" aria-label=${label} title=${label} aria-disabled=${isAtEnd ? "true" : "false"}
      @click=${() => isAtEnd || onClick()}>${icon(name)}</button>`;
  }
}

customElements.define("luma-reader-header", ReaderHeader);
