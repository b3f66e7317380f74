// The documents opened last, so that the way back to one of them takes no time.

import { openPdf } from "../core/pdf.js";

/** @import { PdfFile } from "../core/pdf.js" */

const KEPT = 2;

/** @type {Map<number, Promise<PdfFile>>} in the order of their last use */
const files = new Map();

/**
 * The file of a document, open.
 * @param {number} docId
 * @param {(share: number) => void} onProgress
 */
export function pdfOf(docId, onProgress) {
  const file = files.get(docId) ?? openPdf(docId, onProgress);
  files.delete(docId);
  files.set(docId, file);
  file.catch(() => files.get(docId) === file && files.delete(docId));
  for (const old of [...files.keys()].slice(0, -KEPT)) forget(old);
  return file;
}

/** Whether a document is open. @param {number} docId */
export const isOpen = (docId) => files.has(docId);

/** Close the file of a document. @param {number} docId */
export function forget(docId) {
  files.get(docId)?.then((file) => file.close(), () => {});
  files.delete(docId);
}
