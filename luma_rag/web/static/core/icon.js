// Icons from icons.svg.

import { html } from "../vendor/lit/lit.js";

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;

/**
 * An icon. It is decorative: the control around it needs a label.
 * @param {string} name the id of a symbol in icons.svg
 */
export const icon = (name) => html`<svg class="glyph" aria-hidden="true"><use href="${SPRITE}#${name}"></use></svg>`;

/**
 * A button with an icon only.
 * @param {string} name
 * @param {string} label its accessible name and tooltip
 * @param {(event: Event) => void} onClick
 * @param {string} [className]
 */
export const iconButton = (name, label, onClick, className = "icon") =>
  html`<button type="button" class=${className} aria-label=${label} title=${label} @click=${onClick}>${icon(name)}</button>`;
