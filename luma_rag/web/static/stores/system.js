// The state of the service, for administrators.

import { call } from "../core/api.js";
import { Store } from "../core/store.js";

/** @typedef {{problem: string | null}} Part `problem` says why the part can't be read; its other values are null then */
/** @typedef {{id: number, host: string | null, seen_at: string | null, doc_id: number | null, stage: string | null}} Worker */
/** @typedef {{ok: boolean, model: string | null, took_ms: number, first_token_ms: number | null, detail: string | null}} ModelTest */

/**
 * @typedef {object} SystemState
 * @property {string} version
 * @property {Part & {revision: string | null, head: string | null, bytes: number | null}} database
 * @property {Part & {files: number | null, bytes: number | null, free_bytes: number | null}} storage
 * @property {Part & {queued: number | null, running: number | null, failed: number | null, oldest_queued_seconds: number | null}} queue
 * @property {Part & {items: Worker[]}} workers
 * @property {{model: string, profile: string | null, dimensions: number}} embedding
 * @property {{configured: boolean, kind: "server" | "local" | null, model: string | null, host: string | null}} llm
 * @property {{configured: boolean, name: string | null}} reranker
 */

class System extends Store {
  /** @type {SystemState | null} null until it is loaded */
  state = null;

  async load() {
    this.state = await call("GET", "/api/system");
    this.changed();
  }

  /** Ask the language model for a word. @returns {Promise<ModelTest>} */
  testModel() {
    return call("POST", "/api/system/llm/test");
  }
}

export const system = new System();
