// Copying, with a word on it for everybody.

import { announce } from "./announce.js";

/**
 * Copy a text, and show on the button for a moment that it is done.
 * @param {string} text
 * @param {Element} button
 */
export async function copy(text, button) {
  await navigator.clipboard.writeText(text).catch(() => copyBySelection(text));
  announce("Copied");
  button.classList.add("is-done");
  setTimeout(() => button.classList.remove("is-done"), 1500);
}

/** Without https there is no clipboard API. @param {string} text */
function copyBySelection(text) {
  const onCopy = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", text);
  };
  document.addEventListener("copy", onCopy, { once: true });
  document.execCommand("copy");
  document.removeEventListener("copy", onCopy);
}
