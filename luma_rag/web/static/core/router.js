// The address of the page. Everything that is open is part of it, so that reload, Back and links work.
//
//   /                           the start
//   /n/4                        a new chat in namespace 4      /n/4/documents   /n/4/people
//   /c/12  /c/12?branch=31      a chat, or another branch of it
//   /documents                  all documents of the user
//   /settings/tokens            a section of the settings      /admin/audit
//
// The reader follows as a suffix: …/doc/7/page/17 is a page of a document, …/cite/31/2 is citation 2 of message 31.

import { Store } from "./store.js";

/**
 * What the reader shows: a document, perhaps at a page, or a citation of an answer.
 * @typedef {{docId: number, page: number | null} | {messageId: number, n: number}} ReaderAddress
 */

/**
 * @typedef {object} Route
 * @property {"start" | "namespace" | "chat" | "documents" | "settings" | "admin" | "unknown"} view
 * @property {number | null} namespaceId of `namespace`
 * @property {"chat" | "documents" | "people"} tab of `namespace`
 * @property {number | null} chatId of `chat`
 * @property {number | null} branch of `chat`: a message through which the branch leads; null for the branch in use
 * @property {string | null} section of `settings` and `admin`
 * @property {ReaderAddress | null} reader
 */

const READER = /\/(?:doc\/(\d+)(?:\/page\/(\d+))?|cite\/(\d+)\/(\d+))$/;
const NOWHERE = { namespaceId: null, tab: "chat", chatId: null, branch: null, section: null, reader: null };

/**
 * The route of an address.
 * @param {string} path with its query, if any
 * @returns {Route}
 */
export function parse(path) {
  const url = new URL(path, "http://page");
  const reader = readerOf(url.pathname.match(READER));
  const [first = "", second, third, ...more] = url.pathname.replace(READER, "").split("/").filter(Boolean);
  const route = /** @type {Route} */ ({ ...NOWHERE, view: "unknown", reader });
  const id = /^\d+$/.test(second ?? "") ? Number(second) : null;
  if (more.length) return route;
  if (first === "" && second === undefined) return { ...route, view: "start" };
  if (first === "documents" && second === undefined) return { ...route, view: "documents" };
  if ((first === "settings" || first === "admin") && third === undefined) {
    return { ...route, view: first, section: second ?? null };
  }
  if (first === "n" && id !== null && (third === undefined || third === "documents" || third === "people")) {
    return { ...route, view: "namespace", namespaceId: id, tab: third ?? "chat" };
  }
  if (first === "c" && id !== null && third === undefined) {
    const branch = Number(url.searchParams.get("branch")) || null;
    return { ...route, view: "chat", chatId: id, branch };
  }
  return route;
}

/**
 * @param {RegExpMatchArray | null} match
 * @returns {ReaderAddress | null}
 */
function readerOf(match) {
  if (!match) return null;
  const [, docId, page, messageId, n] = match;
  if (messageId !== undefined) return { messageId: Number(messageId), n: Number(n) };
  return { docId: Number(docId), page: page === undefined ? null : Number(page) };
}

/**
 * The address of a route; what it doesn't name is absent.
 * @param {Partial<Route>} route
 */
export function pathOf({ view, namespaceId, tab = "chat", chatId, branch, section, reader }) {
  let path = "";
  if (view === "namespace") path = `/n/${namespaceId}${tab === "chat" ? "" : `/${tab}`}`;
  else if (view === "chat") path = `/c/${chatId}`;
  else if (view === "documents") path = "/documents";
  else if (view === "settings" || view === "admin") path = `/${view}${section ? `/${section}` : ""}`;
  if (reader && "messageId" in reader) path += `/cite/${reader.messageId}/${reader.n}`;
  else if (reader) path += `/doc/${reader.docId}${reader.page === null ? "" : `/page/${reader.page}`}`;
  return (path || "/") + (branch ? `?branch=${branch}` : "");
}

/** The open route. */
class Router extends Store {
  /** @type {Route} */
  route = parse("/");

  /** Follow the address of the browser, and the links of the page. */
  start() {
    if (location.hash.startsWith("#/")) history.replaceState(null, "", fromHash(location.hash));
    addEventListener("popstate", () => this.#show());
    document.addEventListener("click", (event) => this.#onClick(event));
    this.#show();
  }

  /**
   * Go to a route. With `replace`, Back does not return to the present one.
   * @param {Partial<Route>} route
   * @param {{replace?: boolean}} [options]
   */
  go(route, { replace = false } = {}) {
    const path = pathOf(route);
    if (path === location.pathname + location.search) return;
    const opensReader = !this.route.reader && Boolean(route.reader);
    const state = { isReaderOnTop: replace ? history.state?.isReaderOnTop : opensReader };
    history[replace ? "replaceState" : "pushState"](state, "", path);
    this.#show();
  }

  /**
   * Open the reader beside what is open. From one page or citation to the next there is no way back, only out.
   * @param {ReaderAddress} reader
   */
  openReader(reader) {
    this.go({ ...this.route, reader }, { replace: this.route.reader !== null });
  }

  /** Close the reader, as Back does. */
  closeReader() {
    if (!this.route.reader) return;
    if (history.state?.isReaderOnTop) history.back();
    else this.go({ ...this.route, reader: null }, { replace: true });
  }

  #show() {
    this.route = parse(location.pathname + location.search);
    this.changed();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest?.("a[href]"));
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || event.defaultPrevented || !isPlain || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || parse(link.pathname + link.search).view === "unknown") return;
    if (link.hash) return;
    event.preventDefault();
    this.go(parse(link.pathname + link.search));
  }
}

/** Addresses of former versions: #/n/1/c/2 */
function fromHash(hash) {
  const [, namespaceId, chatId] = /^#\/n\/(\d+)(?:\/c\/(\d+))?$/.exec(hash) ?? [];
  if (chatId) return `/c/${chatId}`;
  return namespaceId ? `/n/${namespaceId}` : "/";
}

export const router = new Router();
