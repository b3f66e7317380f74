// The rail: a new chat, search, namespaces, chats by day, the user.

import { icon } from "../core/icon.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { chats } from "../stores/chats.js";
import { namespaces } from "../stores/namespaces.js";
import { html } from "../vendor/lit/lit.js";
import "./chat-list.js";
import "./rail-namespaces.js";
import "./rail-user.js";

const TYPING_MS = 200;
const LOGO = new URL("../luma.svg", import.meta.url).pathname;
/** How far from the end of the list the next page is loaded, in pixels. */
const AHEAD = 600;

class Rail extends View {
  static properties = { query: { state: true } };

  constructor() {
    super();
    this.query = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.watch(router, namespaces, chats);
  }

  connectedCallback() {
    super.connectedCallback();
    chats.start();
  }

  render() {
    return html`
      <nav class="rail" aria-label="Chats and namespaces">
        <a class="brand" href="/" aria-label="Luma, start"><img src=${LOGO} alt="" width="26" height="26">Luma</a>
        <div class="rail-actions">
          <a id="new-chat" class="rail-entry" href=${newChatPath()}>${icon("pencil")}New chat</a>
          <div class="rail-search" role="search" aria-label="Chats and namespaces">
            ${icon("search")}
            <input id="rail-search" type="search" aria-label="Search chats and namespaces" placeholder="Search" autocomplete="off" dir="auto"
              .value=${this.query} @input=${this.#onInput} @keydown=${this.#onKey}>
          </div>
        </div>
        <div class="rail-scroll" @scroll=${this.#onScroll}>
          <luma-rail-namespaces .query=${this.query}></luma-rail-namespaces>
          <luma-chat-list></luma-chat-list>
        </div>
        <luma-rail-user></luma-rail-user>
      </nav>
    `;
  }

  updated() {
    // A chat that was opened by a link may lie beyond the loaded part of the list.
    const { chatId } = router.route;
    if (chatId !== null && chats.isLoaded && !chats.get(chatId) && this.asked !== chatId) {
      this.asked = chatId;
      chats.refresh(chatId);
    }
    // A tall window shows more than the first page. The list renders after this.
    requestAnimationFrame(() => this.#onScroll());
  }

  /** @param {Event} event */
  #onInput(event) {
    this.query = /** @type {HTMLInputElement} */ (event.target).value;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => chats.search(this.query.trim().slice(0, 200)), TYPING_MS);
  }

  /** Escape clears the field before it closes anything. @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.find(".rail-scroll a")?.focus();
    }
    if (event.key !== "Escape" || !this.query) return;
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(this.timer);
    this.query = "";
    chats.search("");
  }

  #onScroll() {
    const list = this.find(".rail-scroll");
    if (!list) return;
    if (chats.isLoaded && list.clientHeight && list.scrollHeight - list.scrollTop - list.clientHeight < AHEAD) chats.loadMore();
  }
}

/** Where a new chat starts: in the namespace in use, else in the one used last, else in any. */
function newChatPath() {
  const { namespaceId, chatId } = router.route;
  const inUse = namespaceId ?? chats.get(chatId)?.namespace_id ?? chats.items[0]?.namespace_id ?? null;
  const namespace = namespaces.get(inUse) ?? namespaces.items[0];
  return namespace ? pathOf({ view: "namespace", namespaceId: namespace.id }) : "/";
}

customElements.define("luma-rail", Rail);
