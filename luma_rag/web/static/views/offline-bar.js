// A slim bar above everything while the browser is offline or the server is unreachable.

import { View } from "../core/view.js";
import { events } from "../stores/events.js";
import { html, nothing } from "../vendor/lit/lit.js";

const PATIENCE_MS = 5000;
const OFFLINE = "You are offline. What you type is kept.";

class OfflineBar extends View {
  static properties = { text: { state: true } };

  constructor() {
    super();
    /** What is wrong; empty if nothing is. */
    this.text = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  connectedCallback() {
    super.connectedCallback();
    events.on("lost", () => this.#wait());
    events.on("connected", () => this.#settle());
    addEventListener("offline", () => this.#check());
    addEventListener("online", () => this.#check());
    if (!navigator.onLine) this.#check();
  }

  render() {
    return html`<div role="status">${this.text ? html`<p class="offline-bar">${this.text}</p>` : nothing}</div>`;
  }

  #wait() {
    this.timer ??= setTimeout(() => this.#check(), PATIENCE_MS);
  }

  #settle() {
    clearTimeout(this.timer);
    this.timer = undefined;
    // An answer that was under way may arrive after the network is gone.
    this.text = navigator.onLine ? "" : OFFLINE;
  }

  /** A stream may end for other reasons: ask whether the server answers, until it does. */
  async #check() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!navigator.onLine) return this.#settle();
    const isReachable = await fetch("/health/live", { cache: "no-store" }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReachable || !navigator.onLine) return this.#settle();
    this.text = "Luma can't be reached. Trying again …";
    this.#wait();
  }
}

customElements.define("luma-offline-bar", OfflineBar);
