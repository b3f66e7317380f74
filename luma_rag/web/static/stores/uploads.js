// Files on their way to the server: two at once, the others wait.

import { Problem, upload } from "../core/api.js";
import { announce } from "../core/announce.js";
import { count } from "../core/format.js";
import { Store } from "../core/store.js";
import { documents } from "./documents.js";
import { namespaces } from "./namespaces.js";
import { keepUnsent, takeUnsent } from "./unsent.js";
import { messageOf, remarkOf } from "./upload-messages.js";

/** @import { Unsent } from "./unsent.js" */
/** @typedef {File | {file: File, path: string}} Given a file, or one with its path in a folder */

/**
 * @typedef {object} Upload
 * @property {number} key
 * @property {File} file
 * @property {string} path
 * @property {number} namespaceId
 * @property {"waiting" | "sending" | "sent" | "failed"} state
 * @property {number} share sent, 0 to 1
 * @property {string} message why it failed, or where it already was
 * @property {number | null} docId
 * @property {AbortController} controller
 */

/** Extensions of the files that can be read, by what people call them. */
export const READABLE = {
  PDF: ["pdf"],
  Word: ["docx", "docm", "dotx", "dotm"],
  PowerPoint: ["pptx", "pptm", "ppsx", "ppsm", "potx", "potm"],
  Excel: ["xlsx", "xlsm", "xltx", "xltm"],
  "OpenDocument text": ["odt", "ott"],
  RTF: ["rtf"],
  HTML: ["html", "htm", "xhtml", "mht", "mhtml"],
  EML: ["eml"],
  Markdown: ["md", "markdown"],
  CSV: ["csv", "tsv", "tab"],
  "plain text": ["txt", "text", "log"],
};
const EXTENSIONS = Object.values(READABLE).flat();
const AT_ONCE = 2;
const PAUSE_MS = 5000;
const KEEP_MS = 10_000;
const SHOWN_MS = 8000;
const MAX_NAME = 100;

class Uploads extends Store {
  /** @type {Upload[]} */
  items = [];
  /** @type {string[]} names of files that were left out, since they can't be read */
  leftOut = [];
  /** @type {Unsent[]} what was not sent when the page was left */
  unsent = [];
  #last = 0;
  #isPaused = false;
  #keptAt = 0;

  /** Warn who leaves, and name what was not sent the last time. */
  start() {
    addEventListener("beforeunload", (event) => this.isActive && event.preventDefault());
    addEventListener("pagehide", () => this.#keep(true));
    for (const name of ["dragover", "drop"]) document.addEventListener(name, refuseDrop);
    this.unsent = takeUnsent();
    this.changed();
  }

  get isActive() {
    return this.items.some(isUnsent);
  }

  /** How much is sent of what was given. */
  get total() {
    const sum = (/** @type {(item: Upload) => number} */ of) => this.items.reduce((all, item) => all + of(item), 0);
    return {
      files: this.items.length,
      sent: this.items.filter(({ state }) => state === "sent").length,
      failed: this.items.filter(({ state }) => state === "failed").length,
      bytes: sum(({ file }) => file.size),
      sentBytes: sum(({ file, share }) => file.size * share),
    };
  }

  /**
   * Send files to a namespace.
   * @param {Given[]} given @param {number} namespaceId
   */
  add(given, namespaceId) {
    const files = given.map(withPath);
    const readable = files.filter(({ file }) => isReadable(file.name));
    this.leftOut = files.filter(({ file }) => !isReadable(file.name)).map(({ path }) => path);
    if (!this.isActive) this.items = this.items.filter(({ state }) => state === "failed");
    for (const { file, path } of readable) {
      const key = (this.#last += 1);
      this.items.push({ key, file, path, namespaceId, state: "waiting", share: 0, message: "", docId: null, controller: new AbortController() });
    }
    if (readable.length) announce(`Sending ${count(readable.length, "file")}`);
    this.#advance();
  }

  /**
   * Make a namespace from files. It is named after their common folder, or else after the first file.
   * @param {Given[]} given
   * @returns {Promise<import("./namespaces.js").Namespace | null>} null if none of the files can be read
   */
  async addToNew(given) {
    const files = given.map(withPath);
    const readable = files.filter(({ file }) => isReadable(file.name));
    let namespace = null;
    if (readable.length) namespace = await createNamed(nameFor(readable.map(({ path }) => path)));
    this.add(files, namespace?.id ?? 0);
    return namespace;
  }

  /** @param {Upload} item */
  cancel(item) {
    this.items = this.items.filter((other) => other !== item);
    item.controller.abort();
    this.#advance();
  }

  /** Send none of the files that are still to be sent. */
  cancelAll() {
    const open = this.items.filter(isUnsent);
    this.items = this.items.filter((item) => !isUnsent(item));
    for (const item of open) item.controller.abort();
    this.#advance();
  }

  /** Send again what failed, or only `item`. @param {Upload} [item] */
  retry(item) {
    for (const failed of item ? [item] : this.items.filter(({ state }) => state === "failed")) {
      Object.assign(failed, { state: "waiting", share: 0, message: "", controller: new AbortController() });
    }
    this.#advance();
  }

  /** Take everything that is over off the screen. */
  dismiss() {
    this.items = this.items.filter(isUnsent);
    this.leftOut = [];
    this.unsent = [];
    this.#advance();
  }

  #advance() {
    const sending = this.items.filter(({ state }) => state === "sending").length;
    for (const item of this.#isPaused ? [] : this.items.filter(({ state }) => state === "waiting").slice(0, AT_ONCE - sending)) {
      this.#send(item);
    }
    const isReceiving = this.items.some((item) => isUnsent(item) && item.namespaceId === documents.namespaceId);
    if (documents.isReceiving && !isReceiving) documents.refreshing.whenQuiet();
    documents.isReceiving = isReceiving;
    this.#keep(false);
    this.changed();
  }

  /** @param {Upload} item */
  async #send(item) {
    item.state = "sending";
    const form = new FormData();
    form.append("file", item.file, item.file.name);
    form.append("namespace_id", String(item.namespaceId));
    try {
      const { status, body } = await upload("/api/documents", form, (share) => this.#progress(item, share), item.controller.signal);
      await this.#finish(item, status, body);
    } catch (problem) {
      if (item.controller.signal.aborted) return;
      this.#fail(item, problem);
    }
    this.#advance();
    if (!this.isActive) this.#end();
  }

  /** @param {Upload} item @param {number} share */
  #progress(item, share) {
    item.share = share;
    if (Date.now() - this.#keptAt > KEEP_MS) this.#keep(false);
    this.changed();
  }

  /** @param {Upload} item @param {number} status @param {any} doc */
  async #finish(item, status, { ingestions, namespaces: standing, ...doc }) {
    const isOpen = item.namespaceId === documents.namespaceId;
    const isSame = (/** @type {Upload} */ other) => other.docId === doc.id && other.namespaceId === item.namespaceId;
    const isHere = !ingestions.length || this.items.some(isSame) || (isOpen && documents.get(doc.id) !== null);
    item.docId = doc.id;
    item.share = 1;
    if (isOpen && ingestions.length) {
      documents.insert({ ...doc, state: "pending", ingestion: ingestions[0], added_at: ingestions[0].created_at, ...documents.get(doc.id) });
    }
    if (status === 200) item.message = await remarkOf(doc, item.namespaceId, isHere, standing);
    item.state = "sent";
  }

  /** @param {Upload} item @param {unknown} problem */
  #fail(item, problem) {
    if (problem instanceof Problem && problem.status === 429) {
      // Many small files are faster than the server permits: all of them wait a moment.
      Object.assign(item, { state: "waiting", share: 0 });
      this.#isPaused = true;
      setTimeout(() => this.#resume(), PAUSE_MS);
      return;
    }
    Object.assign(item, { state: "failed", share: 0, message: messageOf(problem) });
    announce(`${item.file.name} was not sent. ${item.message}`);
  }

  #resume() {
    this.#isPaused = false;
    this.#advance();
  }

  #end() {
    const { files, sent, failed } = this.total;
    announce(failed ? `${sent} of ${count(files, "file")} sent` : `${count(sent, "file")} sent`);
    namespaces.load();
    const shown = this.items;
    const isClean = shown.every(({ state, message }) => state === "sent" && !message) && !this.leftOut.length;
    if (isClean) setTimeout(() => !this.isActive && shown === this.items && this.dismiss(), SHOWN_MS);
  }

  /** @param {boolean} isLeaving */
  #keep(isLeaving) {
    this.#keptAt = Date.now();
    keepUnsent(this.items.filter(isUnsent), isLeaving);
  }
}

export const uploads = new Uploads();

/** By default the browser would leave the page and open the file. @param {Event} event */
function refuseDrop(event) {
  const { dataTransfer } = /** @type {DragEvent} */ (event);
  if (event.defaultPrevented || !dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  dataTransfer.dropEffect = "none";
}

/** @param {Upload} item */
const isUnsent = ({ state }) => state === "waiting" || state === "sending";

/** @param {Given} given */
const withPath = (given) => (given instanceof File ? { file: given, path: given.webkitRelativePath || given.name } : given);

/** Whether a file may be readable. Without an extension, the server tells from its content. @param {string} name */
function isReadable(name) {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(name)?.[1].toLowerCase();
  return extension === undefined || EXTENSIONS.includes(extension);
}

/** @param {string[]} paths */
function nameFor(paths) {
  const folders = new Set(paths.map((path) => (path.includes("/") ? path.split("/")[0] : "")));
  const [folder] = folders;
  const name = folders.size === 1 && folder ? folder : (paths[0].split("/").at(-1) ?? "").replace(/\.[^.]+$/, "");
  return name.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, MAX_NAME) || "Documents";
}

/** Create a namespace with this name, or with a number behind it if there is one already. @param {string} name */
async function createNamed(name) {
  for (let n = 1; ; n += 1) {
    try {
      return await namespaces.create({ name: n === 1 ? name : `${name} ${n}` });
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 409 || n === 20) throw problem;
    }
  }
}
