// The citations of an answer, wherever it is.

import { listAll } from "../core/api.js";
import { conversation } from "./conversation.js";

/** @typedef {import("../../api.js").CitationView} Citation */

/**
 * The citations of an answer, or of the newest answer to a question.
 * @param {number | null} chatId
 * @param {number} messageId
 * @returns {Promise<Citation[]>}
 */
export async function citationsOf(chatId, messageId) {
  if (chatId === null) return [];
  const shown = conversation.chatId === chatId ? conversation.citationsOf(messageId) : null;
  if (shown) return shown;
  // The branch through the message, which need not be the one that is shown.
  const messages = await listAll(`/api/chats/${chatId}/messages?branch=${messageId}`);
  return messages.findLast(({ id, answers }) => id === messageId || answers === messageId)?.citations ?? [];
}
