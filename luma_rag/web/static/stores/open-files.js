// The documents opened last, so that the way back to one of them takes no time.

import { openPdf } from "../core/pdf.js";

/** @import { PdfFile } from "../core/pdf.js" */

const KEPT = 2;

/** @type {Map<number, Promise<PdfFile>>} in the order of their last use */
const files = new Map();
/** @type {Map<number, number>} the versions of documents when they were opened last */
const versions = new Map();

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

/**
 * Close the file of a document if it is not that of this version. Whether it was not.
 * @param {number} docId
 * @param {number} version
 */
export function forgetEarlier(docId, version) {
  const isEarlier = files.has(docId) && (versions.get(docId) ?? version) !== version;
  if (isEarlier) forget(docId);
  versions.set(docId, version);
  return isEarlier;
}

/** Whether a document is open. @param {number} docId */
export const isOpen = (docId) => files.has(docId);

/** Close the file of a document. @param {number} docId */
export function forget(docId) {
  files.get(docId)?.then((file) => file.close(), () => {});
  files.delete(docId);
}
