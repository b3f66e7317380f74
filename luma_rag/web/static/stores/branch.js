// The messages of a branch of a chat, as far as they are loaded: the last ones, and older ones when they are wanted.

import { call } from "../core/api.js";

/** @typedef {import("../../api.js").CitationView} Citation */

/**
 * A message; its `id` is 0 until the server has stored it. `key` identifies it on the screen, before and after.
 * @typedef {import("../../api.js").MessageView & {key: string}} Message
 */

const PAGE = 50;

/**
 * The last messages of a branch, and the number of those before them. What is known already stays, if it joins them.
 * @param {number} chatId
 * @param {number | null} branch
 * @param {{messages: Message[], older: number} | null} known of the same branch
 * @param {Message[]} [shown] messages that are drawn again only if they differ
 */
export async function loadLast(chatId, branch, known, shown = known?.messages ?? []) {
  // Most chats fit into one page. For others, the first request tells how long they are: lists begin with the oldest.
  const end = known ? known.older + known.messages.length : 0;
  let offset = Math.max(0, end - PAGE / 2);
  let page = await call("GET", pathOf(chatId, branch, offset, PAGE));
  if (page.total > offset + PAGE || (offset > 0 && page.items.length === 0)) {
    offset = Math.max(0, page.total - PAGE);
    page = await call("GET", pathOf(chatId, branch, offset, PAGE));
  }
  const former = new Map(shown.map((message) => [message.id, message]));
  const last = page.items.map((message) => kept(message, former.get(message.id)));
  if (!known || offset < known.older || offset > end) return { messages: last, older: offset };
  return { messages: [...known.messages.slice(0, offset - known.older), ...last], older: known.older };
}

/**
 * The messages before those that are loaded, and the number of those before them.
 * @param {number} chatId
 * @param {number | null} branch
 * @param {number} older
 * @returns {Promise<{messages: Message[], older: number}>}
 */
export async function loadBefore(chatId, branch, older) {
  const offset = Math.max(0, older - PAGE);
  const page = await call("GET", pathOf(chatId, branch, offset, older - offset));
  return { messages: page.items.map((message) => kept(message, undefined)), older: offset };
}

/**
 * A question that is not stored yet.
 * @param {string} content
 * @param {number} chatId
 * @param {string} [key]
 * @returns {Message}
 */
export function newQuestion(content, chatId, key) {
  const time = new Date().toISOString();
  return {
    id: 0,
    chat_id: chatId,
    sender_type: "user",
    content,
    time_sent: time,
    citations: [],
    state: "running",
    error: null,
    answers: null,
    versions: [],
    feedback: null,
    key: key ?? `question-${time.replaceAll(/\W/g, "-")}`,
  };
}

/** @param {number} chatId @param {number | null} branch @param {number} offset @param {number} limit */
function pathOf(chatId, branch, offset, limit) {
  const through = branch === null ? "" : `&branch=${branch}`;
  return `/api/chats/${chatId}/messages?offset=${offset}&limit=${limit}${through}`;
}

/** The message as it was, if nothing has changed, so that it is not drawn again. */
function kept(message, former) {
  if (!former) return { ...message, key: `message-${message.id}` };
  const isSame =
    former.content === message.content &&
    former.state === message.state &&
    former.versions.length === message.versions.length &&
    former.feedback?.rating === message.feedback?.rating;
  return isSame ? former : { ...message, key: former.key };
}
