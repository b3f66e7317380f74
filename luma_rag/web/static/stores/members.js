// The people of the open namespace. Only managers can list them.

import { call, listAll, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { events } from "./events.js";
import { expectLoss } from "./lost-access.js";
import { namespaces } from "./namespaces.js";
import { session } from "./session.js";

/** @typedef {import("../../api.js").Member} Member */

class Members extends Store {
  /** @type {Member[]} */
  items = [];
  isLoaded = false;
  /** @type {Problem | null} */
  problem = null;
  /** @type {number | null} */
  #namespaceId = null;

  constructor() {
    super();
    events.on("members", ({ namespace_id }) => {
      if (namespace_id === null || namespace_id === this.#namespaceId) this.load();
    });
    events.on("connected", () => this.load());
  }

  /** Show the members of a namespace. @param {number | null} namespaceId */
  async open(namespaceId) {
    if (namespaceId === this.#namespaceId) return;
    this.#namespaceId = namespaceId;
    this.items = [];
    this.isLoaded = false;
    this.problem = null;
    this.changed();
    await this.load();
  }

  async load() {
    const requested = this.#namespaceId;
    if (requested === null) return;
    try {
      const found = await listAll(`/api/namespaces/${requested}/members`);
      if (requested !== this.#namespaceId) return;
      this.items = found;
      this.isLoaded = true;
      this.problem = null;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (requested !== this.#namespaceId) return;
      this.problem = problem;
    }
    this.changed();
  }

  /**
   * Give the user with exactly this name a level. Throws a Problem with an error at `username` if there is none.
   * @param {string} username @param {number} level
   */
  async add(username, level) {
    const user = await findUser(username);
    await this.setLevel(user.id, level);
    return user;
  }

  /** @param {number} userId @param {number} level */
  async setLevel(userId, level) {
    await call("PUT", `/api/namespaces/${this.#namespaceId}/members/${userId}`, { auth_level: level });
    await this.load();
  }

  /** @param {number} userId */
  async remove(userId) {
    await call("DELETE", `/api/namespaces/${this.#namespaceId}/members/${userId}`);
    await this.load();
  }
}

export const members = new Members();

/** Give up the own membership of a namespace. @param {number} namespaceId */
export async function leave(namespaceId) {
  expectLoss(namespaceId);
  await call("DELETE", `/api/namespaces/${namespaceId}/members/${session.user?.id}`);
  await namespaces.load();
}

/**
 * The user with exactly this name. Throws a Problem with an error at `username` if there is none.
 * @param {string} username
 * @returns {Promise<{id: number, username: string}>}
 */
export async function findUser(username) {
  try {
    return await call("GET", `/api/users/lookup?${new URLSearchParams({ username })}`);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
    const message = "Nobody has exactly this name. Ask them how it is spelled.";
    throw new Problem({ status: 404, detail: message, errors: [{ field: "username", message }] });
  }
}
