// An answer that is being written, as it is streamed.

import { call, Problem, stream } from "../core/api.js";
import { Store } from "../core/store.js";

/** @import { Citation, Message } from "./branch.js" */

const RECONNECT_MS = [300, 1000, 2000, 4000, 8000];
/** Failures that pass: unreachable, signed out, too many requests, restarting. */
const PASSING = [0, 401, 429, 502, 503, 504];

let count = 0;

/** One run of an answer. It has listeners of its own, so that a piece of text updates only what shows it. */
export class Turn extends Store {
  /** Identifies the answer on the screen, before and after it has an id. */
  key = `turn-${(count += 1)}`;
  /** @type {"sending" | "searching" | "reading" | "thinking"} the step before the text */
  stage = "sending";
  /** @type {string[]} titles of the documents that are read */
  titles = [];
  /** @type {Citation[]} */
  citations = [];
  text = "";
  /** What the model thinks before it answers. */
  reasoning = "";
  isStopping = false;
  isReconnecting = false;
  /** @type {number | null} when the first text came, or thought */
  beganAt = null;
  startedAt = Date.now();

  /** Whether the server has stored the question, so that the answer is written whatever happens here. */
  isStored = false;
  onStored = () => {};
  isLeft = false;

  #controller = new AbortController();
  #startsOver = false;

  /**
   * @param {number} chatId
   * @param {Message} question its id is 0 until the server has stored it
   */
  constructor(chatId, question) {
    super();
    this.chatId = chatId;
    this.question = question;
  }

  /** Stop reading, though not before the question is stored. The server goes on writing. */
  leave() {
    this.isLeft = true;
    if (this.isStored) this.#controller.abort();
  }

  /** Ask the server to stop. It then ends the stream with what it has stored. */
  async stop() {
    this.isStopping = true;
    this.changed();
    try {
      await call("POST", `/api/chats/${this.chatId}/stop`);
    } catch (problem) {
      this.isStopping = false;
      this.changed();
      throw problem;
    }
  }

  /**
   * Read the answer until it is complete, joining it again when the connection breaks. Returns the stored answer;
   * null if the stream doesn't tell it.
   *
   * Throws a Problem if the question was not stored, or if the answer failed.
   * @param {"GET" | "POST"} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<Message | null>}
   */
  async read(method, path, body) {
    for (let attempt = 0; ; ) {
      try {
        const answer = await this.#readOnce(method, path, body, () => (attempt = 0));
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!(error instanceof Problem) || error instanceof Failure) throw error;
        if (!this.isStored || !PASSING.includes(error.status)) throw error;
      }
      [method, path, body] = ["GET", `/api/chats/${this.chatId}/stream`, undefined];
      this.isReconnecting = true;
      this.changed();
      await pause(RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)], this.#controller.signal);
      attempt += 1;
    }
  }

  /** Undefined if the stream broke. */
  async #readOnce(method, path, body, onEvent) {
    let isEmpty = true;
    this.#startsOver = true;
    for await (const { event, data } of stream(method, path, body, this.#controller.signal)) {
      isEmpty = false;
      onEvent();
      this.isReconnecting = false;
      if (event === "llm_message") return data;
      if (event === "error") throw new Failure(data);
      this.#apply(event, data);
    }
    // Nothing is running any more.
    return isEmpty ? null : undefined;
  }

  #apply(event, data) {
    if (event === "user_message") {
      this.question = { ...data, key: this.question.key };
      this.isStored = true;
      this.onStored();
      if (this.isLeft) this.#controller.abort();
    } else if (event === "progress") {
      this.stage = data.stage;
      if (data.titles.length) this.titles = data.titles;
    } else if (event === "citations") {
      this.citations = data;
    } else if (event === "delta" || event === "reasoning" || event === "all_reasoning") {
      this.#write(event, data);
    }
    this.changed();
  }

  #write(event, data) {
    // A stream that is joined again repeats what was written so far.
    if (this.#startsOver) this.text = this.reasoning = "";
    this.#startsOver = false;
    if (event === "delta") this.text += data.text;
    else if (event === "reasoning") this.reasoning += data.text;
    else [this.reasoning, this.text] = [this.reasoning + this.text, ""];
    this.beganAt ??= Date.now();
  }
}

/** The answer failed on the server, which has stored what was written. */
class Failure extends Problem {}

/** @param {number} milliseconds @param {AbortSignal} signal */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    // Back online is the best moment to try again.
    addEventListener("online", () => resolve(undefined), { once: true, signal });
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
