// The bar between the main zone and the reader, which changes the width of the reader.

import { View } from "../core/view.js";
import { preferences } from "../stores/preferences.js";
import { html } from "../vendor/lit/lit.js";

const [LEAST, MOST] = [0.25, 0.6];
const STEP = 0.02;

class Resizer extends View {
  constructor() {
    super();
    this.watch(preferences);
  }

  render() {
    return html`<div class="resizer" role="separator" tabindex="0" aria-orientation="vertical" aria-label="Width of the reader"
      aria-valuemin=${LEAST * 100} aria-valuemax=${MOST * 100} aria-valuenow=${Math.round(preferences.values.readerWidth * 100)}
      @pointerdown=${this.#onPointerDown} @keydown=${this.#onKey}></div>`;
  }

  /** @param {PointerEvent} event */
  #onPointerDown(event) {
    const bar = /** @type {HTMLElement} */ (event.target);
    bar.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ moved) => this.#set(1 - moved.clientX / innerWidth);
    bar.addEventListener("pointermove", move);
    bar.addEventListener("lostpointercapture", () => bar.removeEventListener("pointermove", move), { once: true });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (step) this.#set(preferences.values.readerWidth + step);
  }

  /** @param {number} share */
  #set(share) {
    preferences.set({ readerWidth: Math.max(LEAST, Math.min(MOST, share)) });
  }
}

customElements.define("luma-resizer", Resizer);
