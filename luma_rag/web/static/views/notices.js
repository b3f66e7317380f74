// The notices at the top of the window, where they cover neither the composer nor the heading.

import { iconButton } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";

class NoticesView extends View {
  constructor() {
    super();
    this.watch(notices);
  }

  render() {
    return html`
      <div class="notices" role="alert">
        ${repeat(
          notices.items,
          (item) => item.id,
          (item) => html`
            <div class="notice ${item.isError ? "is-error" : ""}">
              <span dir="auto">${item.text}</span>
              ${item.action
                ? html`<button type="button" class="small" @click=${() => this.#run(item)}>${item.action.label}</button>`
                : nothing}
              ${iconButton("close", "Dismiss", () => notices.dismiss(item.id), "icon small")}
            </div>
          `,
        )}
      </div>
    `;
  }

  /** @param {import("../stores/notices.js").Notice} item */
  #run(item) {
    notices.dismiss(item.id);
    item.action?.run();
  }
}

customElements.define("luma-notices", NoticesView);
