// The base of all components.

import { LitElement } from "../vendor/lit/lit.js";

/** @import { Store } from "./store.js" */

/**
 * A component without a shadow root, so that the style sheet, labels and the clipboard work across components.
 *
 * Properties are declared in `static properties` and set in the constructor: a class field would hide the accessor.
 */
export class View extends LitElement {
  /**
   * Render into the element itself.
   * @returns {any}
   */
  createRenderRoot() {
    return this;
  }

  /**
   * Render again whenever one of the stores changes.
   * @param {...Store} stores
   */
  watch(...stores) {
    /** @type {(() => void)[]} */
    let ends = [];
    this.addController({
      hostConnected: () => {
        ends = stores.map((store) => store.subscribe(() => this.requestUpdate()));
        this.requestUpdate();
      },
      hostDisconnected: () => ends.forEach((end) => end()),
    });
  }

  /**
   * The first descendant that matches, which must exist.
   * @param {string} selector
   * @returns {any}
   */
  find(selector) {
    return this.querySelector(selector);
  }
}
