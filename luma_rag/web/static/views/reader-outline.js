// The outline of a PDF, as a list of sections that folds away.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { reader } from "../stores/reader.js";
import { html, nothing } from "../vendor/lit/lit.js";

/** @typedef {{title: string, depth: number, page: number}} Entry */

class ReaderOutline extends View {
  static properties = { entries: { state: true }, isOpen: { state: true } };
  /** @type {import("../core/pdf.js").PdfFile | null} */
  #file = null;

  constructor() {
    super();
    /** @type {Entry[]} */
    this.entries = [];
    this.isOpen = false;
    this.watch(reader);
  }

  willUpdate() {
    if (reader.file !== this.#file) this.#read(reader.file);
  }

  /** @param {import("../core/pdf.js").PdfFile | null} file */
  async #read(file) {
    this.#file = file;
    [this.entries, this.isOpen] = [[], false];
    const entries = file ? await file.outline() : [];
    if (file === this.#file) this.entries = entries;
  }

  render() {
    if (!this.entries.length) return nothing;
    return html`
      <button type="button" class="icon small" aria-label="Contents" title="Contents" aria-expanded=${this.isOpen ? "true" : "false"}
        @click=${this.#toggle}>${icon("list")}</button>
      <nav class="reader-outline" popover aria-label="Contents" @toggle=${this.#onToggle}>
        ${this.isOpen ? html`<ul class="reader-sections">${this.entries.map((entry, index) => this.#entry(entry, index))}</ul>` : nothing}
      </nav>
    `;
  }

  /** @param {Entry} entry @param {number} index */
  #entry({ title, depth, page }, index) {
    const isCurrent = page <= reader.page && (this.entries[index + 1]?.page ?? Infinity) > reader.page;
    return html`<li>
      <button type="button" class="depth-${Math.min(depth, 4)}" aria-current=${isCurrent ? "true" : "false"} @click=${() => this.#go(page)}>
        <span dir="auto">${title}</span><span class="muted">${page}</span>
      </button>
    </li>`;
  }

  async #toggle() {
    const list = this.find(".reader-outline");
    if (this.isOpen) return list.hidePopover();
    this.isOpen = true;
    await this.updateComplete;
    const { bottom, right } = this.find("button").getBoundingClientRect();
    const zone = /** @type {HTMLElement} */ (this.closest(".reader")).getBoundingClientRect();
    list.style.setProperty("top", `${bottom + 4}px`);
    list.style.setProperty("right", `${Math.max(8, innerWidth - Math.max(right, Math.min(zone.right, zone.left + 340)))}px`);
    list.showPopover();
    const current = list.querySelector("[aria-current=true]") ?? list.querySelector("button");
    current?.focus();
  }

  /** @param {ToggleEvent} event */
  #onToggle(event) {
    if (event.newState === "open") return;
    const hadFocus = this.contains(document.activeElement) || document.activeElement === document.body;
    this.isOpen = false;
    if (hadFocus) this.find("button")?.focus();
  }

  /** @param {number} page */
  #go(page) {
    this.find(".reader-outline").hidePopover();
    reader.goToPage(page);
  }
}

customElements.define("luma-reader-outline", ReaderOutline);
