// The outline of the document, as a list of sections that folds away.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { reader } from "../stores/reader.js";
import { html, nothing } from "../vendor/lit/lit.js";

/** @import { Section } from "../stores/passages.js" */

/** @typedef {{title: string, depth: number, part: number}} Entry `part` is a page, or the index of a passage */

class ReaderOutline extends View {
  static properties = { entries: { state: true }, isOpen: { state: true } };
  #document = reader.document;

  constructor() {
    super();
    /** @type {Entry[]} */
    this.entries = [];
    this.isOpen = false;
    this.watch(reader);
  }

  willUpdate() {
    if (reader.document !== this.#document || !this.hasUpdated) this.#read();
  }

  async #read() {
    const { document, file, passages } = reader;
    this.#document = document;
    [this.entries, this.isOpen] = [[], false];
    const entries = file ? (await file.outline()).map(({ page, ...entry }) => ({ ...entry, part: page })) : flat(await passages.outline());
    if (document === this.#document) this.entries = entries;
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
  #entry({ title, depth, part }, index) {
    const here = reader.file ? reader.page : reader.passageInView;
    const isCurrent = part <= here && (this.entries[index + 1]?.part ?? Infinity) > here;
    return html`<li>
      <button type="button" class="depth-${Math.min(depth, 4)}" aria-current=${isCurrent ? "true" : "false"} @click=${() => this.#go(part)}>
        <span dir="auto">${title}</span>${reader.file ? html`<span class="muted">${part}</span>` : nothing}
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

  /** @param {number} part */
  #go(part) {
    this.find(".reader-outline").hidePopover();
    reader.goToSection(part);
  }
}

/** @param {Section[]} sections @param {number} [depth] @returns {Entry[]} */
function flat(sections, depth = 0) {
  return sections.flatMap(({ heading, ordinal, children }) => [
    ...(heading ? [{ title: heading, depth, part: ordinal }] : []),
    ...flat(children, depth + 1),
  ]);
}

customElements.define("luma-reader-outline", ReaderOutline);
