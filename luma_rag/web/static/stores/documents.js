// The documents of the open namespace.

import { call } from "../core/api.js";
import { DocumentList } from "./document-list.js";
import { events } from "./events.js";

/** @import { Ingestion, State } from "./document-list.js" */

/** @param {Ingestion} ingestion @returns {Exclude<State, "">} */
const stateAfter = ({ state }) => (state === "ready" || state === "failed" ? state : "pending");

class NamespaceDocuments extends DocumentList {
  /** @type {number | null} */
  namespaceId = null;
  /** Whether this page is sending files to the namespace: their rows come with the answers. */
  isReceiving = false;

  constructor() {
    super();
    events.on("ingestion", (ingestion) => this.#onIngestion(ingestion));
    events.on("document_removed", ({ doc_id, namespace_id }) => namespace_id === this.namespaceId && this.drop(doc_id));
    for (const name of ["documents", "connected"]) events.on(name, () => this.isLoaded && this.refreshing.whenQuiet());
  }

  /** Show the documents of a namespace, and follow its changes. @param {number | null} namespaceId */
  async open(namespaceId) {
    events.follow(namespaceId);
    if (namespaceId === this.namespaceId) return;
    this.namespaceId = namespaceId;
    if (namespaceId === null) this.close();
    else await this.openPath(`/api/namespaces/${namespaceId}/documents`);
  }

  async readSummary() {
    // The list can be used without it.
    return call("GET", `${this.path}/summary`).catch(() => null);
  }

  /** @param {Ingestion} ingestion */
  #onIngestion(ingestion) {
    if (ingestion.namespace_id !== this.namespaceId) return;
    const isKnown = this.patch(ingestion.doc_id, { ingestion, state: stateAfter(ingestion) });
    if (isKnown || this.isReceiving) this.refreshing.postpone();
    else if (!this.isNarrowed) this.refreshing.soon();
  }
}

export const documents = new NamespaceDocuments();
