// The palette: go to a chat, a namespace, a document, or run a command, by a few letters.

import { announce } from "../core/announce.js";
import { count } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { html, ifDefined, nothing, repeat } from "../vendor/lit/lit.js";
import { found, local } from "./palette-entries.js";

/** @import { Entry } from "./palette-entries.js" */

const TYPING_MS = 120;

class Palette extends View {
  static properties = { query: { state: true }, groups: { state: true }, active: { state: true } };

  constructor() {
    super();
    this.query = "";
    /** @type {{name: string, entries: Entry[]}[]} */
    this.groups = local("");
    /** The key of the entry that Enter runs. */
    this.active = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @returns {Entry[]} */
  get entries() {
    return this.groups.flatMap(({ entries }) => entries);
  }

  /** @returns {Entry | undefined} */
  get current() {
    return this.entries.find(({ key }) => key === this.active) ?? this.entries[0];
  }

  render() {
    const { current } = this;
    return html`
      <dialog class="modal palette" aria-label="Go to" @close=${this.#onClose} @click=${this.#onClick}>
        <div class="palette-search">
          ${icon("search")}
          <input id="palette-input" role="combobox" aria-label="Chats, namespaces, documents and commands" aria-expanded="true" aria-autocomplete="list"
            aria-controls="palette-list" aria-activedescendant=${ifDefined(current && `palette-${current.key}`)} placeholder="Go to …" autocomplete="off"
            spellcheck="false" dir="auto" .value=${this.query} @input=${this.#onInput} @keydown=${this.#onKey}>
        </div>
        <div id="palette-list" role="listbox" aria-label="Results">
          ${repeat(this.groups, ({ name }) => name, (group) => this.#group(group))}
        </div>
        ${current ? nothing : html`<p class="palette-empty muted">Nothing was found.</p>`}
        <p class="palette-keys muted" aria-hidden="true"><kbd>↑</kbd><kbd>↓</kbd> to move <kbd>Enter</kbd> to open <kbd>Esc</kbd> to close</p>
      </dialog>
    `;
  }

  /** @param {{name: string, entries: Entry[]}} group */
  #group({ name, entries }) {
    const id = `palette-group-${name.toLowerCase().replaceAll(" ", "-")}`;
    return html`<div role="group" aria-labelledby=${id}>
      <div id=${id} class="palette-heading" role="presentation">${name}</div>
      ${repeat(
        entries,
        ({ key }) => key,
        (entry) => html`<div id="palette-${entry.key}" class="palette-entry" role="option" aria-selected=${entry === this.current ? "true" : "false"}
          @click=${() => this.#run(entry)} @pointermove=${() => (this.active = entry.key)}>
          ${icon(entry.icon)}<span class="rail-name" dir="auto">${entry.label}</span>${entry.hint ? html`<span class="muted" dir="auto">${entry.hint}</span>` : nothing}
        </div>`,
      )}
    </div>`;
  }

  firstUpdated() {
    this.find("dialog").showModal();
    this.find("input").focus();
  }

  updated() {
    this.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.find("dialog").close();
  }

  #onClose() {
    clearTimeout(this.timer);
    this.remove();
  }

  /** @param {Event} event */
  #onInput(event) {
    this.query = /** @type {HTMLInputElement} */ (event.target).value;
    this.active = "";
    const query = this.query.trim();
    this.groups = local(query);
    clearTimeout(this.timer);
    if (query) this.timer = setTimeout(() => this.#search(query), TYPING_MS);
  }

  /** Add what the server finds. @param {string} query */
  async #search(query) {
    // What was chosen while waiting stays chosen.
    const groups = await found(query);
    if (query !== this.query.trim()) return;
    this.groups = [...local(query), ...groups];
    announce(count(this.entries.length, "result"));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    const { entries, current } = this;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && current) {
      event.preventDefault();
      this.active = entries[(entries.indexOf(current) + step + entries.length) % entries.length].key;
    } else if (event.key === "Enter" && current) {
      event.preventDefault();
      this.#run(current);
    }
  }

  /** @param {Entry} entry */
  #run(entry) {
    this.close();
    entry.run();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (event.target === this.find("dialog")) this.close();
  }
}

customElements.define("luma-palette", Palette);

/** Open the palette, or close it. The focus returns to where it was. */
export function togglePalette() {
  const open = /** @type {Palette | null} */ (document.querySelector("luma-palette"));
  if (open) open.close();
  else document.body.append(document.createElement("luma-palette"));
}
