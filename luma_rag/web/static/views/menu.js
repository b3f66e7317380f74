// A button that opens a menu of actions.

import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { html, ifDefined, nothing } from "../vendor/lit/lit.js";

/** @typedef {{label: string, icon?: string, run: () => void, isDangerous?: boolean} | null | false | undefined} MenuItem */

class Menu extends View {
  static properties = { label: {}, items: { attribute: false }, icon: {}, face: { attribute: false }, isOpen: { state: true } };

  constructor() {
    super();
    /** The accessible name of the button. */
    this.label = "More";
    this.icon = "more";
    /** @type {unknown} what the button shows instead of the icon; it has to name the button, too */
    this.face = null;
    /** @type {MenuItem[]} */
    this.items = [];
    this.isOpen = false;
  }

  render() {
    const items = this.items.filter((item) => item !== null && item !== false && item !== undefined);
    return html`
      <button type="button" class=${this.face ? "quiet" : "icon"} aria-label=${ifDefined(this.face ? undefined : this.label)} title=${this.label} aria-haspopup="menu"
        aria-expanded=${this.isOpen ? "true" : "false"} @click=${this.#toggle}>${this.face ?? icon(this.icon)}</button>
      <div class="menu" role="menu" popover aria-label=${this.label} @toggle=${this.#onToggle} @keydown=${this.#onKey}>
        ${this.isOpen
          ? items.map(
              (item) => html`<button type="button" role="menuitem" class=${item.isDangerous ? "is-dangerous" : ""} @click=${() => this.#run(item)}>
                ${item.icon ? icon(item.icon) : nothing}${item.label}
              </button>`,
            )
          : nothing}
      </div>
    `;
  }

  async #toggle() {
    const menu = this.find(".menu");
    if (this.isOpen) return menu.hidePopover();
    this.isOpen = true;
    await this.updateComplete;
    menu.showPopover();
    this.#place(menu);
    menu.querySelector("button")?.focus();
  }

  /** Below the button, or above it where there is no room; inside the window. @param {HTMLElement} menu */
  #place(menu) {
    const button = this.find("button").getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const isAbove = button.bottom + height + 8 > innerHeight && button.top > height;
    menu.style.setProperty("top", `${isAbove ? button.top - height - 4 : button.bottom + 4}px`);
    menu.style.setProperty("left", `${Math.max(8, Math.min(button.right - width, innerWidth - width - 8))}px`);
  }

  /** @param {ToggleEvent} event */
  #onToggle(event) {
    if (event.newState === "open") return;
    const hadFocus = this.contains(document.activeElement) || document.activeElement === document.body;
    this.isOpen = false;
    if (hadFocus) this.find("button")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...this.querySelectorAll("[role=menuitem]")];
    const next = (items.indexOf(/** @type {Element} */ (document.activeElement)) + step + items.length) % items.length;
    /** @type {HTMLElement} */ (items[next]).focus();
  }

  /** @param {NonNullable<Exclude<MenuItem, false>>} item */
  #run(item) {
    this.find(".menu").hidePopover();
    item.run();
  }
}

customElements.define("luma-menu", Menu);
