// What the server says has changed. One connection serves the whole tab.

import { call } from "../core/api.js";

const RECONNECT_MS = 5000;

/**
 * Names of events: `namespaces`, `chats`, `documents`, `members`, and for the namespace that is followed
 * `ingestion`, `document_removed` and `namespace_lost`; `connected` comes after each connection, since changes may have
 * been missed, and `lost` when a connection has broken or could not be made.
 */
const NAMES = ["namespaces", "chats", "documents", "members", "ingestion", "document_removed", "namespace_lost"];

class Events {
  /** @type {EventSource | null} */
  #source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  /** @type {number | null} */
  #namespaceId = null;
  #isStarted = false;
  #target = new EventTarget();

  /** Connect, and stay connected while the page is visible: browsers limit the connections of all tabs. */
  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    this.#open();
  }

  /**
   * Receive also the events of a namespace; null for none.
   * @param {number | null} namespaceId
   */
  follow(namespaceId) {
    if (namespaceId === this.#namespaceId) return;
    this.#namespaceId = namespaceId;
    if (this.#source) this.#open();
  }

  /**
   * Call `listener` with the data of each event of this name. Returns a function that unsubscribes.
   * @param {string} name
   * @param {(data: any) => void} listener
   */
  on(name, listener) {
    const handle = (/** @type {any} */ event) => listener(event.detail);
    this.#target.addEventListener(name, handle);
    return () => this.#target.removeEventListener(name, handle);
  }

  #open() {
    this.#close();
    const query = this.#namespaceId === null ? "" : `?namespace_id=${this.#namespaceId}`;
    const source = new EventSource(`/api/events${query}`);
    this.#source = source;
    source.onopen = () => this.#tell("connected", null);
    for (const name of NAMES) {
      source.addEventListener(name, (event) => this.#tell(name, JSON.parse(event.data)));
    }
    // The server ends a stream after its `error` event, and says why when the page connects again.
    source.onerror = (event) => {
      this.#close();
      // The server has ended the stream: perhaps the session has ended, which a request finds out.
      if ("data" in event) call("GET", "/api/auth/me").catch(() => {});
      this.#tell("lost", null);
      // Not all pages at the same moment, after a restart of the server.
      this.#timer = setTimeout(() => this.#open(), RECONNECT_MS * (0.5 + Math.random() / 2));
    };
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.#target.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const events = new Events();
