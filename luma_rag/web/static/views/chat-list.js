// The chats in the rail, by day.

import { DAY } from "../core/format.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { chats } from "../stores/chats.js";
import { namespaces } from "../stores/namespaces.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import "./rail-chat.js";

/** @import { Chat } from "../stores/chats.js" */

class ChatList extends View {
  constructor() {
    super();
    this.watch(router, chats, namespaces);
  }

  render() {
    const groups = [...(chats.pinned.length ? [{ name: "Pinned", items: chats.pinned }] : []), ...byDay(chats.items)];
    if (!groups.length) return chats.isLoaded ? this.#empty() : nothing;
    // With one namespace, its name at every chat says nothing.
    const isHinted = namespaces.items.length > 1;
    return html`<div @keydown=${this.#onKey}>
      ${repeat(
        groups,
        ({ name }) => name,
        ({ name, items }) => html`<section class="chat-group">
          <h2 class="rail-heading">${name}</h2>
          <ul class="rail-entries">
            ${repeat(
              items,
              ({ id }) => id,
              (chat) => html`<li class="rail-row">
                <luma-rail-chat .chat=${chat} .hint=${(isHinted && namespaces.get(chat.namespace_id)?.name) || ""}
                  .isCurrent=${router.route.chatId === chat.id}></luma-rail-chat>
              </li>`,
            )}
          </ul>
        </section>`,
      )}
    </div>`;
  }

  #empty() {
    return html`<p class="rail-empty muted">${chats.query ? "No chat has this text." : "Your chats will appear here."}</p>`;
  }

  /** The arrow keys move from chat to chat. @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const link = /** @type {Element} */ (event.target).closest("a.rail-entry");
    if (!step || !link) return;
    event.preventDefault();
    const links = [...this.querySelectorAll("a.rail-entry")];
    /** @type {HTMLElement | undefined} */ (links[links.indexOf(link) + step])?.focus();
  }
}

const months = new Intl.DateTimeFormat("en", { month: "long" });
const monthsOfYears = new Intl.DateTimeFormat("en", { month: "long", year: "numeric" });

/**
 * Chats in groups, in their order: today, yesterday, the last days, then months.
 * @param {Chat[]} items newest first
 * @param {Date} [now]
 */
export function byDay(items, now = new Date()) {
  /** @type {{name: string, items: Chat[]}[]} */
  const groups = [];
  for (const chat of items) {
    const name = groupOf(new Date(chat.last_activity_at), now);
    const last = groups.at(-1);
    if (last?.name === name) last.items.push(chat);
    else groups.push({ name, items: [chat] });
  }
  return groups;
}

/** @param {Date} time @param {Date} now */
function groupOf(time, now) {
  const midnight = (/** @type {Date} */ date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  // Rounded, since the days on which clocks change are longer or shorter.
  const days = Math.round((midnight(now) - midnight(time)) / DAY);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "Previous 7 days";
  if (days <= 30) return "Previous 30 days";
  return (time.getFullYear() === now.getFullYear() ? months : monthsOfYears).format(time);
}

customElements.define("luma-chat-list", ChatList);
