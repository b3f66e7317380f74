// The list of the person's chats in the open namespace.

import { call, listAll } from "./api.js";
import { askFor } from "./dialog.js";
import { byId, el, iconButton } from "./dom.js";
import { hashOf } from "./route.js";

/** The person's chats in a namespace, newest activity first. */
export const load = (namespaceId) => listAll(`/api/chats?namespace_id=${namespaceId}`);

/** What a chat is called; before its first question it has no title. */
export const titleOf = (chat) => chat.title || "New chat";

/** Fill the list in the sidebar; `removed(chat)` is called after one was deleted. */
export function showList(chats, namespaceId, currentId, removed) {
  const entries = chats.map((chat) =>
    el(
      "li",
      { class: "entry" },
      el(
        "a",
        { href: hashOf({ namespaceId, chatId: chat.id }), "aria-current": chat.id === currentId && "page" },
        el("span", { class: "entry-name" }, titleOf(chat)),
      ),
      iconButton("trash", `Delete chat: ${titleOf(chat)}`, () => remove(chat, removed), "icon entry-action"),
    ),
  );
  if (!entries.length) entries.push(el("li", { class: "muted empty" }, "Your questions will be kept here."));
  byId("chat-list").replaceChildren(...entries);
}

function remove(chat, removed) {
  askFor({
    heading: "Delete this chat?",
    text: `“${titleOf(chat)}” and all its answers will be gone.`,
    action: "Delete chat",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/chats/${chat.id}`);
      await removed(chat);
    },
  });
}
