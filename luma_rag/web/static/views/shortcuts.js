// The list of keyboard shortcuts.

import { SHORTCUTS } from "../core/keys.js";
import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

class Shortcuts extends View {
  render() {
    return html`
      <dialog class="modal" aria-labelledby="shortcuts-heading" @close=${() => this.remove()} @click=${this.#onClick}>
        <div class="shortcuts">
          <h2 id="shortcuts-heading">Keyboard shortcuts</h2>
          <dl>${SHORTCUTS.map(({ keys, does }) => html`<div><dt>${does}</dt><dd>${keys.map((key) => html`<kbd>${isMac && key === "Ctrl" ? "⌘" : key}</kbd>`)}</dd></div>`)}</dl>
          <div class="modal-actions"><button type="button" class="primary" @click=${() => this.find("dialog").close()}>Close</button></div>
        </div>
      </dialog>
    `;
  }

  firstUpdated() {
    this.find("dialog").showModal();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (event.target === this.find("dialog")) this.find("dialog").close();
  }
}

customElements.define("luma-shortcuts", Shortcuts);

/** Show the list. The focus returns to where it was when it closes. */
export function showShortcuts() {
  if (!document.querySelector("luma-shortcuts")) document.body.append(document.createElement("luma-shortcuts"));
}
