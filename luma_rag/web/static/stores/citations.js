// The citations of an answer, wherever it is.

import { listAll } from "../core/api.js";

/** @typedef {{n: number, vec_id: string, doc_id: number | null, title: string, page: number | null, heading: string | null, quote: string, score: number}} Citation */

/**
 * The citations of an answer, or of the newest answer to a question.
 * @param {number | null} chatId
 * @param {number} messageId
 * @returns {Promise<Citation[]>}
 */
export async function citationsOf(chatId, messageId) {
  if (chatId === null) return [];
  // The branch through the message, which need not be the one that is shown.
  const messages = await listAll(`/api/chats/${chatId}/messages?branch=${messageId}`);
  return messages.findLast(({ id, answers }) => id === messageId || answers === messageId)?.citations ?? [];
}
