// The files of a drop, also those in folders.

/** @typedef {{file: File, path: string}} DroppedFile */

/**
 * All dropped files, without those that file managers hide.
 * @param {DataTransfer} transfer
 * @returns {Promise<DroppedFile[]>}
 */
export async function filesOf(transfer) {
  // Entries have to be taken before the first pause: afterwards the browser has emptied the list.
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = await Promise.all(entries.map((entry) => (entry instanceof File ? [{ file: entry, path: entry.name }] : filesIn(entry))));
  return withoutHidden(found.flat());
}

/** The files without those that file managers hide. @param {DroppedFile[]} files */
export const withoutHidden = (files) => files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));

/** @param {FileSystemEntry | null} entry @returns {Promise<DroppedFile[]>} */
async function filesIn(entry) {
  if (entry?.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  if (!entry?.isDirectory) return [];
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {DroppedFile[]} */
  const found = [];
  for (;;) {
    // A directory is read in parts; an empty one is the last.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const child of part) found.push(...(await filesIn(child)));
  }
}
