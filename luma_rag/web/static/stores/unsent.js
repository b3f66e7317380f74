// The names of files that were not sent when the page was left. They are kept in the browser, one entry a tab.

import { session } from "./session.js";

/** @typedef {{namespaceId: number, names: string[]}} Unsent */

const STALE_MS = 60_000;
const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
const prefix = () => `unsent:${session.user?.id}:`;

/**
 * Keep the names of what is not sent yet.
 * @param {{path: string, namespaceId: number}[]} items @param {boolean} isLeaving
 */
export function keepUnsent(items, isLeaving) {
  const key = prefix() + tab;
  if (!items.length) return localStorage.removeItem(key);
  const files = items.map(({ path, namespaceId }) => [path, namespaceId]);
  localStorage.setItem(key, JSON.stringify({ files, isLeaving, at: Date.now() }));
}

/** What other instances of the page have left unsent. Each is told once. @returns {Unsent[]} */
export function takeUnsent() {
  /** @type {Map<number, string[]>} */
  const found = new Map();
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix()))) {
    const { files, isLeaving, at } = JSON.parse(localStorage.getItem(key) ?? "{}");
    // Another tab may be sending them right now.
    if (!isLeaving && Date.now() - at < STALE_MS) continue;
    localStorage.removeItem(key);
    for (const [path, namespaceId] of files) found.set(namespaceId, [...(found.get(namespaceId) ?? []), path]);
  }
  return [...found].map(([namespaceId, names]) => ({ namespaceId, names }));
}
