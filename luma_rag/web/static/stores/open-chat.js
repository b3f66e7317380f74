// The open chat as it is stored: the messages of the branch that is shown.

import { call, Problem } from "../core/api.js";
import { Store } from "../core/store.js";
import { loadBefore, loadLast } from "./branch.js";
import { drafts } from "./drafts.js";
import { events } from "./events.js";

/**
 * @import { Citation, Message } from "./branch.js"
 * @import { Turn } from "./turn.js"
 */

/** @typedef {{id: number, title: string, namespace_id: number}} Chat */

/** What is open and loaded. `Conversation` asks, and shows answers while they are written. */
export class OpenChat extends Store {
  /** @type {number | null} */
  namespaceId = null;
  /** @type {Chat | null} null for a chat that is not begun, or not loaded */
  chat = null;
  /** @type {number | null} the open chat; null for a chat that is not begun */
  chatId = null;
  /** @type {number | null} */
  branch = null;
  /** @type {Message[]} the last ones of the branch; older ones are loaded when they are wanted */
  messages = [];
  /** @type {Turn | null} */
  turn = null;
  /** Older messages that are not loaded. */
  older = 0;
  isLoaded = false;
  /** @type {Problem | null} why the chat can't be shown */
  problem = null;
  /** @type {Problem | null} why the last question was not sent */
  sendProblem = null;
  /** @type {{id: number, title: string}[]} documents to which questions are narrowed; none for all */
  narrowed = [];

  /** Grows with everything that is opened, so that what was loaded for something else is dropped. */
  visit = 0;
  #isStarted = false;
  /** @type {Promise<void> | null} */
  #loadingOlder = null;

  /** The key of the draft. */
  get draftKey() {
    return this.chatId === null ? `n${this.namespaceId}` : `c${this.chatId}`;
  }

  /** Follow changes of the chat in other tabs. */
  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    events.on("chats", ({ chat_id: id }) => (id === null || id === this.chatId) && this.refresh());
    events.on("connected", () => this.refresh());
  }

  /** Open a chat that is begun with its first question. @param {number} namespaceId */
  openNew(namespaceId) {
    if (this.chatId === null && this.namespaceId === namespaceId) return;
    this.#leave();
    this.#setNamespace(namespaceId);
    this.isLoaded = true;
    drafts.restore(this.draftKey);
    this.changed();
  }

  /**
   * Open a chat at a branch: the one in use, or the newest through a message.
   * @param {number} chatId
   * @param {number | null} branch
   * @param {number | null} [messageId] a message that must be among those that are loaded
   */
  async open(chatId, branch, messageId = null) {
    if (chatId === this.chatId && branch === this.branch) return;
    const isSameChat = chatId === this.chatId;
    this.#leave({ keepsMessages: isSameChat });
    [this.chatId, this.branch] = [chatId, branch];
    const visit = this.visit;
    this.changed();
    try {
      const [chat] = await Promise.all([
        isSameChat && this.chat ? this.chat : call("GET", `/api/chats/${chatId}`),
        this.#load(visit, false),
      ]);
      if (visit !== this.visit) return;
      this.chat = chat;
      this.#setNamespace(chat.namespace_id);
      this.isLoaded = true;
      this.#recoverHeld();
      while (messageId !== null && this.older && !this.messages.some(({ id }) => id === messageId)) {
        await this.loadOlder();
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (visit !== this.visit) return;
      this.problem = problem;
    }
    this.changed();
    this.join();
  }

  /** Forget the chat, so that opening it loads it again. */
  close() {
    this.#leave();
  }

  /** Load older messages, if there are any; once, however many ask for them at the same time. */
  loadOlder() {
    this.#loadingOlder ??= this.#loadBefore().finally(() => (this.#loadingOlder = null));
    return this.#loadingOlder;
  }

  async #loadBefore() {
    const visit = this.visit;
    const { messages, older } = await loadBefore(/** @type {number} */ (this.chatId), this.branch, this.older);
    if (visit !== this.visit) return;
    this.messages = [...messages, ...this.messages];
    this.older = older;
    this.changed();
  }

  /** Load all messages, for example to print them. */
  async loadAll() {
    const visit = this.visit;
    while (this.older && visit === this.visit) await this.loadOlder();
  }

  /** Read the messages again, after something has changed elsewhere. */
  async refresh() {
    if (this.chatId === null || !this.isLoaded || this.turn) return;
    const visit = this.visit;
    try {
      await this.#load(visit, true);
    } catch (problem) {
      // What is shown stays. The next event or connection tries again.
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 404 && visit === this.visit) {
        this.#leave();
        this.problem = problem;
        this.changed();
      }
    }
    if (visit !== this.visit) return;
    this.changed();
    this.join();
  }

  /** Narrow the next questions to documents; to all again, if none is given. @param {{id: number, title: string}[]} documents */
  narrow(documents) {
    this.narrowed = documents;
    this.changed();
  }

  /**
   * Rate an answer.
   * @param {number} messageId
   * @param {number} rating
   * @param {string | null} comment
   */
  async rate(messageId, rating, comment = null) {
    await call("PUT", `/api/messages/${messageId}/feedback`, { rating, comment });
    this.messages = this.messages.map((message) => (message.id === messageId ? { ...message, feedback: { message_id: messageId, rating, comment } } : message));
    this.changed();
  }

  /**
   * The citations of an answer, or of the answer to a question; null if it is not loaded.
   * @param {number} messageId
   * @returns {Citation[] | null}
   */
  citationsOf(messageId) {
    if (this.turn?.question.id === messageId) return this.turn.citations;
    return this.messages.findLast(({ id, answers }) => id === messageId || answers === messageId)?.citations ?? null;
  }

  /**
   * One of them by its number, or null.
   * @param {number} messageId
   * @param {number} n
   */
  findCitation(messageId, n) {
    return this.citationsOf(messageId)?.find((citation) => citation.n === n) ?? null;
  }

  /** Show the answer that the server is writing, if it is. */
  join() {}

  /** @param {number} visit @param {boolean} isSameBranch */
  async #load(visit, isSameBranch) {
    const { messages, older } = this;
    const loaded = await loadLast(/** @type {number} */ (this.chatId), this.branch, isSameBranch ? { messages, older } : null, messages);
    // A question that was asked in the meantime stays; the messages are read again after its answer.
    if (visit === this.visit && !this.turn) Object.assign(this, loaded);
  }

  #leave({ keepsMessages = false } = {}) {
    this.visit += 1;
    this.turn?.leave();
    this.turn = null;
    [this.problem, this.sendProblem] = [null, null];
    if (keepsMessages) return;
    [this.chat, this.chatId, this.branch, this.messages, this.older, this.isLoaded] = [null, null, null, [], 0, false];
  }

  /** A question was on its way when the page was closed: it arrived, or it goes back to where it was typed. */
  #recoverHeld() {
    const last = this.messages.findLast(({ sender_type: sender }) => sender === "user");
    if (last?.content === drafts.held(this.draftKey).trim()) drafts.hold(this.draftKey, "");
    else drafts.restore(this.draftKey);
  }

  #setNamespace(namespaceId) {
    if (this.namespaceId !== namespaceId) this.narrowed = [];
    this.namespaceId = namespaceId;
  }
}
