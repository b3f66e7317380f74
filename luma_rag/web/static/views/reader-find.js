// The bar that finds a text in the document.

import { announce } from "../core/announce.js";
import { number } from "../core/format.js";
import { iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { readerFind } from "../stores/reader-find.js";
import { html } from "../vendor/lit/lit.js";

class ReaderFindBar extends View {
  #announced = "";

  constructor() {
    super();
    this.watch(readerFind);
  }

  render() {
    return html`
      <search class="reader-find" @keydown=${this.#onKey}>
        <input type="search" name="find" placeholder="Find in this document" aria-label="Find in this document" autocomplete="off" dir="auto"
          .value=${readerFind.query} @input=${(/** @type {InputEvent} */ event) => readerFind.search(/** @type {HTMLInputElement} */ (event.target).value)}>
        <span class="reader-count">${this.#count()}</span>
        ${iconButton("up", "Previous match", () => readerFind.go(-1), "icon small")}
        ${iconButton("down", "Next match", () => readerFind.go(1), "icon small")}
        ${iconButton("close", "Close the search", () => this.#close(), "icon small")}
      </search>
    `;
  }

  firstUpdated() {
    this.find("input").focus();
  }

  updated() {
    const text = this.#count();
    if (readerFind.isSearching || text === this.#announced) return;
    this.#announced = text;
    announce(text);
  }

  #count() {
    const { query, hits, position, isSearching, isCut } = readerFind;
    if (!query.trim()) return "";
    if (!hits.length) return isSearching ? "Searching …" : "No match";
    return `${number(position)} of ${number(hits.length)}${isSearching || isCut ? "+" : ""}`;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Enter" && /** @type {Element} */ (event.target).matches("input")) readerFind.go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
  }

  #close() {
    /** @type {HTMLElement | null | undefined} */ (this.closest(".reader")?.querySelector("[aria-label='Find in this document']"))?.focus();
    readerFind.close();
  }
}

customElements.define("luma-reader-find", ReaderFindBar);
