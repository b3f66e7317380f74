// Keyboard shortcuts that work everywhere.

import { router } from "./router.js";

/** Every shortcut, for the list that `?` shows. */
export const SHORTCUTS = [
  { keys: ["Ctrl", "K"], does: "Go to a chat, a namespace, a document or a command" },
  { keys: ["/"], does: "Write a question" },
  { keys: ["?"], does: "Show this list" },
  { keys: ["Esc"], does: "Close what is on top" },
  { keys: ["F2"], does: "Rename the chat that has the focus in the list" },
  { keys: ["↑", "↓"], does: "Move in lists and menus" },
];

const TYPING = "input, textarea, select, [contenteditable='true']";
const ON_TOP = "dialog[open], [popover]:not([role=tooltip]):popover-open";

let isStarted = false;

/** Listen for shortcuts. Does nothing on later calls. */
export function startKeys() {
  if (isStarted) return;
  isStarted = true;
  document.addEventListener("keydown", onKey);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.isComposing || !document.querySelector("luma-shell:not([inert])")) return;
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    if (!document.querySelector("dialog[open]:not(.palette)")) import("../views/palette.js").then((m) => m.togglePalette());
    return;
  }
  // The browser closes dialogs and menus itself.
  if (document.querySelector(ON_TOP)) return;
  if (event.key === "Escape") return router.closeReader();
  const isTyping = /** @type {Element} */ (event.target).closest?.(TYPING);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") focusComposer(event);
  else if (event.key === "?") import("../views/shortcuts.js").then((m) => m.showShortcuts());
}

/** @param {KeyboardEvent} event */
function focusComposer(event) {
  const question = document.getElementById("question");
  if (!question) return;
  event.preventDefault();
  question.focus();
}
