// What the palette offers.

import { call, Problem } from "../core/api.js";
import { router } from "../core/router.js";
import { chats } from "../stores/chats.js";
import { namespaces } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { preferences } from "../stores/preferences.js";
import { session } from "../stores/session.js";
import { createNamespace } from "./rail-namespaces.js";
import { showShortcuts } from "./shortcuts.js";

/** @typedef {{key: string, icon: string, label: string, hint?: string, run: () => void}} Entry */
/** @typedef {{name: string, entries: Entry[]}} Group */

/** How many entries of a kind are shown. */
const FEW = 6;

/**
 * What is known without asking the server; at first the recent chats.
 * @param {string} query
 * @returns {Group[]}
 */
export function local(query) {
  const recent = query ? [] : [...chats.pinned, ...chats.items].slice(0, FEW).map(ofChat);
  return withEntries([
    { name: "Recent chats", entries: recent },
    { name: "Namespaces", entries: matching(query, namespaces.items.map(ofNamespace)).slice(0, FEW) },
    { name: "Commands", entries: matching(query, commands()).slice(0, query ? FEW : undefined) },
  ]);
}

/**
 * What the server finds.
 * @param {string} query
 * @returns {Promise<Group[]>}
 */
export async function found(query) {
  const text = encodeURIComponent(query.slice(0, 200));
  const [ofChats, ofDocuments] = await Promise.all([
    items(`/api/chats?q=${text}&limit=${FEW}`),
    items(`/api/documents?q=${text}&limit=${FEW}`),
  ]);
  return withEntries([
    { name: "Chats", entries: ofChats.map(ofChat) },
    { name: "Documents", entries: ofDocuments.map(ofDocument) },
  ]);
}

/** @param {string} path @returns {Promise<any[]>} none, if they can't be read now */
async function items(path) {
  try {
    return (await call("GET", path)).items;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return [];
  }
}

/** @param {Group[]} groups */
const withEntries = (groups) => groups.filter(({ entries }) => entries.length);

/**
 * Entries with all words of the query, those that begin with it first.
 * @param {string} query
 * @param {Entry[]} entries
 */
function matching(query, entries) {
  const words = query.toLowerCase().split(/\s+/);
  const begins = (/** @type {Entry} */ { label }) => Number(!label.toLowerCase().startsWith(words[0]));
  return entries
    .filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)))
    .sort((a, b) => (query ? begins(a) - begins(b) : 0));
}

/** @param {import("../stores/chats.js").Chat} chat @returns {Entry} */
const ofChat = (chat) => ({
  key: `chat-${chat.id}`,
  icon: "chat",
  label: chat.title,
  hint: chat.snippet ?? namespaces.get(chat.namespace_id)?.name,
  run: () => router.go({ view: "chat", chatId: chat.id }),
});

/** @param {import("../stores/namespaces.js").Namespace} namespace @returns {Entry} */
const ofNamespace = ({ id, name }) => ({
  key: `namespace-${id}`,
  icon: "folder",
  label: name,
  run: () => router.go({ view: "namespace", namespaceId: id }),
});

/** @param {{id: number, title: string}} document @returns {Entry} */
const ofDocument = ({ id, title }) => ({
  key: `document-${id}`,
  icon: "file",
  label: title,
  run: () => router.openReader({ docId: id, page: null }),
});

/** @returns {Entry[]} */
function commands() {
  const command = (/** @type {string} */ icon, /** @type {string} */ label, /** @type {() => void} */ run) => ({
    key: `command-${label.toLowerCase().replaceAll(" ", "-")}`,
    icon,
    label,
    run,
  });
  const open = (/** @type {"settings" | "admin"} */ view, /** @type {string} */ section) => () => router.go({ view, section });
  return [
    command("pencil", "New chat", () => document.getElementById("new-chat")?.click()),
    command("plus", "New namespace", createNamespace),
    command("file", "My documents", () => router.go({ view: "documents" })),
    command("settings", "Account settings", open("settings", "account")),
    command("settings", "Sessions", open("settings", "sessions")),
    command("settings", "Access tokens", open("settings", "tokens")),
    command("settings", "Appearance", open("settings", "appearance")),
    ...(session.isAdmin
      ? [
          command("shield", "People", open("admin", "people")),
          command("shield", "Audit", open("admin", "audit")),
          command("shield", "Health", open("admin", "health")),
          command("shield", "Models", open("admin", "models")),
          command("shield", "Feedback", open("admin", "feedback")),
        ]
      : []),
    command("settings", "Light theme", () => preferences.set({ theme: "light" })),
    command("settings", "Dark theme", () => preferences.set({ theme: "dark" })),
    command("settings", "Theme of the system", () => preferences.set({ theme: "system" })),
    command("keyboard", "Keyboard shortcuts", showShortcuts),
    command("leave", "Sign out", () => session.signOut().catch((error) => notices.showError(error))),
  ];
}
