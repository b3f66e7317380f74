// Everybody with an account, for administrators.

import { call, listAll } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {import("../../api.js").AccountView} Person */

class People extends Store {
  /** @type {Person[] | null} null until they are loaded */
  items = null;

  async load() {
    this.items = await listAll("/api/users");
    this.changed();
  }

  /** @param {number} id */
  get(id) {
    return this.items?.find((person) => person.id === id) ?? null;
  }

  /** @param {{username: string, email: string, password: string, role: string}} values */
  async create(values) {
    await call("POST", "/api/users", values);
    await this.load();
  }

  /** @param {number} id @param {{role?: string, password?: string, is_disabled?: boolean}} values */
  async change(id, values) {
    await call("PATCH", `/api/users/${id}`, values);
    await this.load();
  }

  /** @param {number} id */
  async removeSecondFactor(id) {
    await call("DELETE", `/api/users/${id}/totp`);
    await this.load();
  }

  /**
   * Remove somebody, and hand what they own to somebody else (by id), or remove it too.
   * @param {number} id
   * @param {number | "remove" | null} contents null if they own nothing
   */
  async remove(id, contents) {
    const query = contents === null ? "" : contents === "remove" ? "?contents=remove" : `?hand_to=${contents}`;
    await call("DELETE", `/api/users/${id}${query}`);
    await this.load();
  }
}

export const people = new People();
