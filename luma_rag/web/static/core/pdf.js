// PDF files, by pdf.js, which is loaded when the first one is opened.

import { lettersOf } from "./letters.js";

/** @import { PDFDocumentProxy, PDFPageProxy } from "../vendor/pdfjs/pdf.min.mjs" */
/** @import { TextItem } from "pdfjs-dist/types/src/display/api" */
/** @import { PageText } from "./mark-geometry.js" */

const FOLDER = new URL("../vendor/pdfjs/", import.meta.url).href;
/** How many pages keep their text, which is large. */
const TEXTS_KEPT = 60;

/** @type {Promise<typeof import("../vendor/pdfjs/pdf.min.mjs")> | null} */
let library = null;
/** @type {import("../vendor/pdfjs/pdf.min.mjs").PDFWorker | null} */
let worker = null;

/** Load pdf.js and start its worker. */
export function loadLibrary() {
  library ??= import("../vendor/pdfjs/pdf.min.mjs").then((pdfjs) => {
    pdfjs.GlobalWorkerOptions.workerSrc = `${FOLDER}pdf.worker.min.mjs`;
    worker = new pdfjs.PDFWorker();
    return pdfjs;
  });
  // A failed download is tried again with the next file.
  library.catch(() => (library = null));
  return library;
}

/** Load pdf.js while the page has nothing else to do, so that the first citation opens at once. */
export function warmUp() {
  const idle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ run) => setTimeout(run, 1000));
  idle(() => loadLibrary().catch(() => {}));
}

/** Why a file can't be drawn. */
export class PdfProblem extends Error {
  /** @param {"password" | "broken" | "missing"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** An open PDF file. Numbers of pages start at 1. */
export class PdfFile {
  /** @type {Map<number, Promise<PDFPageProxy>>} */
  #pages = new Map();
  /** @type {Map<number, Promise<PageText>>} in the order of their last use */
  #texts = new Map();

  /** @param {PDFDocumentProxy} document @param {typeof import("../vendor/pdfjs/pdf.min.mjs")} pdfjs */
  constructor(document, pdfjs) {
    this.document = document;
    this.pdfjs = pdfjs;
    this.pages = document.numPages;
  }

  /** @param {number} number */
  page(number) {
    let page = this.#pages.get(number);
    if (!page) {
      page = this.document.getPage(number);
      this.#pages.set(number, page);
    }
    return page;
  }

  /** @param {number} number */
  async viewport(number) {
    return (await this.page(number)).getViewport({ scale: 1 });
  }

  /**
   * The text of a page.
   * @param {number} number
   */
  text(number) {
    const text = this.#texts.get(number) ?? this.#readText(number);
    this.#texts.delete(number);
    this.#texts.set(number, text);
    for (const old of [...this.#texts.keys()].slice(0, -TEXTS_KEPT)) this.#texts.delete(old);
    return text;
  }

  /** @param {number} number @returns {Promise<PageText>} */
  async #readText(number) {
    const { items, styles } = await (await this.page(number)).getTextContent();
    const texts = /** @type {TextItem[]} */ (items.filter((item) => "str" in item));
    return { items: texts, styles, letters: lettersOf(texts.map(({ str }) => str)) };
  }

  /** The text of a page is needed for a moment only. @param {number} number */
  async lettersOnce(number) {
    const kept = this.#texts.get(number);
    if (kept) return (await kept).letters.text;
    const { letters } = await this.#readText(number);
    if (!this.#pages.has(number)) (await this.page(number)).cleanup();
    return letters.text;
  }

  /**
   * The outline as entries with their depth and page.
   * @returns {Promise<{title: string, depth: number, page: number}[]>}
   */
  async outline() {
    /** @type {{title: string, depth: number, page: number}[]} */
    const entries = [];
    const add = async (/** @type {any[]} */ items, /** @type {number} */ depth) => {
      for (const { title, dest, items: inner } of items) {
        const page = await this.#pageOf(dest);
        if (page && title.trim()) entries.push({ title: title.trim(), depth, page });
        if (entries.length >= 2000) return;
        await add(inner, depth + 1);
      }
    };
    await add((await this.document.getOutline()) ?? [], 0);
    return entries;
  }

  /** @param {any} target */
  async #pageOf(target) {
    try {
      const destination = typeof target === "string" ? await this.document.getDestination(target) : target;
      const page = destination?.[0];
      if (Number.isInteger(page)) return page + 1;
      return page ? (await this.document.getPageIndex(page)) + 1 : null;
    } catch {
      // Outlines often point to what isn't there.
      return null;
    }
  }

  close() {
    this.document.loadingTask.destroy();
  }
}

/**
 * Open the file of a document. Throws a PdfProblem.
 * @param {number} docId
 * @param {(share: number) => void} onProgress 0 to 1
 */
export async function openPdf(docId, onProgress) {
  const pdfjs = await loadLibrary();
  const task = pdfjs.getDocument({
    url: `/api/documents/${docId}/file`,
    worker: worker ?? undefined,
    cMapUrl: `${FOLDER}cmaps/`,
    standardFontDataUrl: `${FOLDER}standard_fonts/`,
    wasmUrl: `${FOLDER}wasm/`,
    // WebAssembly would need 'unsafe-eval' in the Content-Security-Policy.
    useWasm: false,
    // The server sends whole files.
    disableRange: true,
    enableXfa: false,
    verbosity: pdfjs.VerbosityLevel.ERRORS,
  });
  task.onProgress = ({ loaded, total }) => total && onProgress(Math.min(1, loaded / total));
  try {
    return new PdfFile(await task.promise, pdfjs);
  } catch (error) {
    task.destroy();
    const reasons = { PasswordException: "password", ResponseException: "missing" };
    throw new PdfProblem(reasons[error.name] ?? "broken");
  }
}
