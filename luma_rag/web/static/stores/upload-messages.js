// What is said about a file that was sent or refused.

import { call, Problem } from "../core/api.js";

const NAMED = 3;

/** @type {Record<number, string>} */
const REASONS = {
  403: "You can't add documents here any more.",
  404: "You can't add documents here any more.",
  413: "This file is larger than this server accepts.",
};

/** Why a file was not sent, in a sentence for people. @param {unknown} problem */
export function messageOf(problem) {
  if (!(problem instanceof Problem)) return "This file could not be read from your disk.";
  return REASONS[problem.status] ?? problem.message;
}

/**
 * Where the same bytes already were.
 * @param {{id: number, title: string}} doc
 * @param {number} namespaceId to which they were sent
 * @param {boolean} isHere whether they had been there already
 * @param {{namespace_id: number, name: string}[]} [standing] the namespaces of the document, if they are known
 */
export async function remarkOf(doc, namespaceId, isHere, standing) {
  if (isHere) return `Already here as “${doc.title}”`;
  const placed = standing ?? (await call("GET", `/api/documents/${doc.id}/namespaces`).catch(() => ({ items: [] }))).items;
  const others = placed.filter((/** @type {any} */ place) => place.namespace_id !== namespaceId).map((/** @type {any} */ { name }) => name);
  if (!others.length) return `Uploaded before as “${doc.title}”; added here`;
  const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : "";
  return `Already in ${others.slice(0, NAMED).join(", ")}${more}; added here too`;
}
