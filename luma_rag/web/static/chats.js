// The list of the user's chats in the open namespace.

import { call, listAll } from "./api.js";
import { showForm } from "./dialog.js";
import { byId, el, iconButton } from "./dom.js";
import { hashOf } from "./route.js";

/** The user's chats in a namespace, most recently active first. */
export const load = (namespaceId) => listAll(`/api/chats?namespace_id=${namespaceId}`);

/** The title of a chat. A chat has none before its first question. */
export const titleOf = (chat) => chat.title || "New chat";

/** Render the list in the sidebar. `onDeleted(chat)` is called after a chat is deleted. */
export function showList(chats, namespaceId, currentId, onDeleted) {
  const entries = chats.map((chat) =>
    el(
      "li",
      { class: "entry" },
      el(
        "a",
        { href: hashOf({ namespaceId, chatId: chat.id }), "aria-current": chat.id === currentId && "page" },
        el("span", { class: "entry-name" }, titleOf(chat)),
      ),
      iconButton("trash", `Delete chat: ${titleOf(chat)}`, () => remove(chat, onDeleted), "icon entry-action"),
    ),
  );
  if (!entries.length) entries.push(el("li", { class: "muted empty" }, "Your chats will appear here."));
  byId("chat-list").replaceChildren(...entries);
}

function remove(chat, onDeleted) {
  showForm({
    heading: "Delete this chat?",
    text: `“${titleOf(chat)}” and all its messages will be deleted.`,
    action: "Delete chat",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/chats/${chat.id}`);
      await onDeleted(chat);
    },
  });
}
