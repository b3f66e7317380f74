// The documents of the user, also those that stand in no namespace.

import { DocumentList } from "./document-list.js";
import { events } from "./events.js";

/** @typedef {"mine" | "shared" | "public"} Scope */

class Library extends DocumentList {
  constructor() {
    super();
    this.query.scope = "mine";
    for (const name of ["documents", "connected"]) events.on(name, () => this.isLoaded && this.refreshing.soon());
  }

  async open() {
    await this.openPath("/api/documents");
  }
}

export const library = new Library();
