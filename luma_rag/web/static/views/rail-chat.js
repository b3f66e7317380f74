// One chat in the rail: a link, a menu, and a field to rename it in place.

import { Problem } from "../core/api.js";
import { download } from "../core/files.js";
import { icon } from "../core/icon.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { chats } from "../stores/chats.js";
import { notices } from "../stores/notices.js";
import { html, ifDefined, nothing } from "../vendor/lit/lit.js";
import { showForm } from "./form-dialog.js";
import "./menu.js";

const LONGEST_TITLE = 255;

class RailChat extends View {
  static properties = { chat: { attribute: false }, hint: {}, isCurrent: { attribute: false }, isRenaming: { state: true }, hasMenu: { state: true } };

  constructor() {
    super();
    /** @type {import("../stores/chats.js").Chat | null} */
    this.chat = null;
    /** The name of its namespace. */
    this.hint = "";
    this.isCurrent = false;
    this.isRenaming = false;
    /** Whether the menu was opened. A thousand menus that nobody opens would slow the list down. */
    this.hasMenu = false;
  }

  render() {
    const { chat } = this;
    if (!chat) return nothing;
    const below = chat.snippet ?? this.hint;
    if (this.isRenaming) {
      return html`<input class="rail-rename" aria-label="Title of the chat" dir="auto" maxlength=${LONGEST_TITLE} .value=${chat.title}
        @keydown=${this.#onRenameKey} @blur=${this.#rename}>`;
    }
    return html`
      <a class="rail-entry" href=${pathOf({ view: "chat", chatId: chat.id })} aria-current=${ifDefined(this.isCurrent ? "page" : undefined)}
        title=${chat.title} @dblclick=${this.#beginRename} @keydown=${this.#onKey}>
        <span class="rail-name"><span dir="auto">${chat.title}</span>${below ? html`<span class="rail-hint" dir="auto">${below}</span>` : nothing}</span>
        ${chat.is_running ? html`<span class="activity" title="Being answered"></span><span class="visually-hidden">, being answered</span>` : nothing}
      </a>
      <span class="rail-menu">
        ${this.hasMenu
          ? html`<luma-menu label="Actions for ${chat.title}" .items=${this.#actions(chat)}></luma-menu>`
          : html`<button type="button" class="icon" aria-haspopup="menu" aria-expanded="false" aria-label="Actions for ${chat.title}" @click=${this.#openMenu}>${icon("more")}</button>`}
      </span>
    `;
  }

  async #openMenu() {
    this.hasMenu = true;
    await this.updateComplete;
    const menu = this.find("luma-menu");
    await menu.updateComplete;
    // The focus was on the button that the menu has replaced.
    menu.querySelector("button").focus();
    menu.querySelector("button").click();
  }

  /** @param {import("../stores/chats.js").Chat} chat */
  #actions({ id, pinned }) {
    const save = (/** @type {string} */ format) => download(`/api/chats/${id}/export?format=${format}`);
    return [
      { label: "Rename", icon: "pencil", run: () => this.#beginRename() },
      { label: pinned ? "Unpin" : "Pin", icon: "pin", run: () => this.#pin(id, !pinned) },
      { label: "Save as Markdown", icon: "download", run: () => save("markdown") },
      { label: "Save as JSON", icon: "download", run: () => save("json") },
      this.isCurrent && { label: "Print", icon: "print", run: () => import("./print-chat.js").then(({ printChat }) => printChat()) },
      { label: "Delete", icon: "trash", isDangerous: true, run: () => this.#remove() },
    ];
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "F2") return;
    event.preventDefault();
    this.#beginRename();
  }

  async #beginRename() {
    this.isRenaming = true;
    await this.updateComplete;
    this.find("input").select();
    this.find("input").focus();
  }

  /** @param {KeyboardEvent} event */
  #onRenameKey(event) {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") this.#rename();
    else if (event.key === "Escape") this.#endRename();
  }

  async #rename() {
    const title = this.find("input")?.value.trim();
    const { chat } = this;
    if (!this.isRenaming || !chat) return;
    await this.#endRename();
    if (!title || title === chat.title) return;
    try {
      await chats.rename(chat.id, title);
    } catch (error) {
      notices.showError(error);
    }
  }

  async #endRename() {
    const hadFocus = this.contains(document.activeElement);
    this.isRenaming = false;
    await this.updateComplete;
    if (hadFocus) this.find("a").focus();
  }

  /** @param {number} id @param {boolean} pinned */
  async #pin(id, pinned) {
    const rail = this.closest("luma-rail");
    try {
      await chats.pin(id, pinned);
    } catch (error) {
      return notices.showError(error);
    }
    // The row has moved to another group.
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (rail?.querySelector(`a[href="${pathOf({ view: "chat", chatId: id })}"]`))?.focus());
  }

  #remove() {
    const { chat } = this;
    if (!chat) return;
    const neighbor = this.#neighbor();
    showForm({
      heading: "Delete this chat?",
      text: `“${chat.title}” and all its messages will be deleted.`,
      action: "Delete chat",
      isDangerous: true,
      submit: async () => {
        try {
          await chats.remove(chat.id);
        } catch (problem) {
          // Another tab was faster.
          if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
          chats.load();
        }
        if (router.route.chatId === chat.id) router.go({ view: "namespace", namespaceId: chat.namespace_id }, { replace: true });
        // After the dialog has closed: the menu that it would return to is gone.
        setTimeout(() => neighbor?.focus());
      },
    });
  }

  /** What gets the focus when this chat is gone. @returns {HTMLElement | null} */
  #neighbor() {
    const links = [...(this.closest("luma-rail")?.querySelectorAll("luma-chat-list a.rail-entry") ?? [])];
    const at = links.indexOf(this.find("a"));
    return /** @type {HTMLElement | null} */ (links[at + 1] ?? links[at - 1] ?? document.getElementById("new-chat"));
  }
}

customElements.define("luma-rail-chat", RailChat);
