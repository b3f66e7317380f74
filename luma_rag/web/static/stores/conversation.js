// The open chat: the messages of the branch that is shown, and the answer that is being written.

import { call, Problem } from "../core/api.js";
import { router } from "../core/router.js";
import { Store } from "../core/store.js";
import { drafts } from "./drafts.js";
import { events } from "./events.js";
import { Turn } from "./turn.js";

/** @typedef {{n: number, vec_id: string, doc_id: number | null, title: string, page: number | null, heading: string | null, quote: string, score: number}} Citation */

/**
 * A question or an answer.
 * @typedef {object} Message
 * @property {number} id
 * @property {number} chat_id
 * @property {"user" | "LLM"} sender_type
 * @property {string} content
 * @property {string} time_sent
 * @property {Citation[]} citations
 * @property {"running" | "complete" | "stopped" | "failed"} state of the turn
 * @property {{code: string, status: number, title: string, detail: string} | null} error
 * @property {number | null} answers the id of the question, of an answer
 * @property {number[]} versions ids, oldest first
 * @property {string} [reasoning] what the model has thought, where the server keeps it apart
 * @property {{rating: number, comment: string | null} | null} [feedback]
 * @property {string} [key] identifies the message on the screen
 */

/** @typedef {{id: number, title: string, namespace_id: number}} Chat */

const PAGE = 50;

class Conversation extends Store {
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

  #visit = 0;
  #isStarted = false;

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
    const visit = this.#visit;
    this.changed();
    try {
      const [chat] = await Promise.all([
        isSameChat && this.chat ? this.chat : call("GET", `/api/chats/${chatId}`),
        this.#loadLast(visit, { isSameBranch: false }),
      ]);
      if (visit !== this.#visit) return;
      this.chat = chat;
      this.#setNamespace(chat.namespace_id);
      this.isLoaded = true;
      this.#recoverHeld();
      while (messageId !== null && this.older && !this.messages.some(({ id }) => id === messageId)) {
        await this.loadOlder();
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (visit !== this.#visit) return;
      this.problem = problem;
    }
    this.changed();
    this.#join();
  }

  /** Forget the chat, so that opening it loads it again. */
  close() {
    this.#leave();
  }

  /** Load older messages, if there are any. */
  async loadOlder() {
    const visit = this.#visit;
    const offset = Math.max(0, this.older - PAGE);
    const page = await call("GET", this.#path(offset, this.older - offset));
    if (visit !== this.#visit) return;
    this.messages = [...page.items.map(withKey), ...this.messages];
    this.older = offset;
    this.changed();
  }

  /** Read the messages again, after something has changed elsewhere. */
  async refresh() {
    if (this.chatId === null || !this.isLoaded || this.turn) return;
    const visit = this.#visit;
    try {
      await this.#loadLast(visit, { isSameBranch: true });
    } catch (problem) {
      // What is shown stays. The next event or connection tries again.
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 404 && visit === this.#visit) {
        this.#leave();
        this.problem = problem;
      }
    }
    if (visit !== this.#visit) return;
    this.changed();
    this.#join();
  }

  /**
   * Ask a question. The first one of a new chat begins the chat. Throws a Problem if a new version was not sent;
   * another question goes back to where it was typed.
   * @param {string} content
   * @param {{replaces?: number | null, onSent?: () => void}} [options] `replaces` is the question of which this is a new version
   */
  async ask(content, { replaces = null, onSent = () => {} } = {}) {
    if (this.turn) return;
    const visit = this.#visit;
    const before = this.messages;
    const place = replaces === null ? -1 : before.findIndex(({ id }) => id === replaces);
    const question = newQuestion(content, this.chatId ?? 0, before[place]?.key);
    // In an older branch, the question continues what is shown.
    const follows = replaces === null && this.branch !== null ? (before.at(-1)?.id ?? null) : null;
    const docIds = this.narrowed.length ? this.narrowed.map(({ id }) => id) : null;
    const turn = new Turn(this.chatId ?? 0, question);
    let key = this.draftKey;
    if (replaces === null) drafts.hold(key, content);
    turn.onStored = () => {
      if (replaces === null) drafts.hold(key, "");
      onSent();
    };
    this.#show(turn, [...(place < 0 ? before : before.slice(0, place)), question]);
    try {
      if (this.chatId === null) {
        await this.#begin(turn, key);
        key = `c${turn.chatId}`;
      }
      await this.#follow(turn, "POST", "messages", { content, doc_ids: docIds, replaces, follows });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // Not stored.
      drafts.restore(key);
      if (visit !== this.#visit) return;
      this.#showUnsent(before, problem);
      if (replaces !== null) throw problem;
    }
  }

  /**
   * Answer a question again. Older answers stay, as versions.
   * @param {number} questionId
   */
  async regenerate(questionId) {
    const place = this.messages.findIndex(({ id }) => id === questionId);
    const question = this.messages[place];
    if (this.turn || !question) return;
    const visit = this.#visit;
    const before = this.messages;
    const turn = new Turn(question.chat_id, question);
    this.#show(turn, before.slice(0, place + 1));
    try {
      await this.#follow(turn, "POST", `regenerate?question=${questionId}`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (visit === this.#visit) this.#showUnsent(before, problem);
    }
  }

  /** Stop the answer that is being written, in whatever tab it was asked for. */
  async stop() {
    await this.turn?.stop();
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
    this.messages = this.messages.map((message) => (message.id === messageId ? { ...message, feedback: { rating, comment } } : message));
    this.changed();
  }

  /**
   * Citation `n` of an answer, or of the answer to a question; null if it is not loaded or doesn't exist.
   * @param {number} messageId
   * @param {number} n
   * @returns {Citation | null}
   */
  findCitation(messageId, n) {
    const named = (/** @type {Citation[]} */ citations) => citations.find((citation) => citation.n === n) ?? null;
    if (this.turn?.question.id === messageId) return named(this.turn.citations);
    const answer = this.messages.findLast(({ id, answers }) => id === messageId || answers === messageId);
    return answer ? named(answer.citations) : null;
  }

  #show(turn, messages) {
    this.messages = messages;
    this.sendProblem = null;
    this.turn = turn;
    this.changed();
  }

  #showUnsent(messages, problem) {
    this.turn = null;
    this.messages = messages;
    this.sendProblem = problem;
    this.changed();
  }

  /** Begin a chat for the question of a turn. */
  async #begin(turn, key) {
    const visit = this.#visit;
    const chat = await call("POST", "/api/chats", { namespace_id: this.namespaceId });
    turn.chatId = chat.id;
    drafts.move(key, `c${chat.id}`);
    if (visit !== this.#visit) return;
    [this.chat, this.chatId, this.branch] = [chat, chat.id, null];
    router.go({ ...router.route, view: "chat", chatId: chat.id, branch: null }, { replace: true });
  }

  /** Show a turn until it ends. Throws a Problem only if the server has not stored its question. */
  async #follow(turn, method, path, body) {
    const unsubscribe = turn.subscribe(() => this.#showQuestion(turn));
    let answer = null;
    try {
      answer = await turn.read(method, `/api/chats/${turn.chatId}/${path}`, body);
    } catch (error) {
      if (turn.isLeft && turn.isStored) return;
      if (!(error instanceof Problem) || !turn.isStored) throw error;
      this.#showFailure(turn, error);
    } finally {
      unsubscribe();
    }
    if (turn.isLeft) return;
    this.turn = null;
    if (answer) {
      const question = { ...turn.question, state: answer.state, error: answer.error };
      this.messages = [...this.messages.slice(0, -1), question, { ...answer, key: turn.key }];
      this.changed();
    } else {
      await this.refresh();
      this.changed();
    }
  }

  /** The question of a turn gets its id once the server has stored it. */
  #showQuestion(turn) {
    const last = this.messages.at(-1);
    if (!last || last === turn.question || turn !== this.turn) return;
    this.messages = [...this.messages.slice(0, -1), turn.question];
    if (this.branch !== null) {
      // What is new is always in the branch in use.
      this.branch = null;
      router.go({ ...router.route, branch: null }, { replace: true });
    }
    this.changed();
  }

  /** What is known of an answer that failed, until the messages are read again. */
  #showFailure(turn, problem) {
    const { code, status, message: detail } = problem;
    const end = { state: /** @type {const} */ ("failed"), error: { code, status, title: detail, detail } };
    const question = { ...turn.question, ...end };
    const answer = { ...question, id: 0, key: turn.key, sender_type: /** @type {const} */ ("LLM"), content: turn.text, citations: turn.citations, answers: question.id, versions: [] };
    this.messages = [...this.messages.slice(0, -1), question, ...(turn.text ? [answer] : [])];
  }

  /** Show the answer that the server is writing, if it is. */
  #join() {
    const last = this.messages.at(-1);
    if (this.turn || last?.state !== "running") return;
    const isAnswer = last.sender_type === "LLM";
    const question = isAnswer ? this.messages.at(-2) : last;
    if (!question) return;
    const turn = new Turn(last.chat_id, question);
    turn.isStored = true;
    if (isAnswer) {
      turn.text = last.content;
      turn.citations = last.citations;
      this.messages = this.messages.slice(0, -1);
    }
    this.turn = turn;
    this.changed();
    this.#follow(turn, "GET", "stream");
  }

  /** Load the last messages, and keep the older ones that are loaded if the branch is the same. */
  async #loadLast(visit, { isSameBranch }) {
    const former = this.messages;
    // Most chats fit into one page. For others, the first request tells how long the chat is: lists begin with the oldest.
    let offset = isSameBranch ? Math.max(0, this.older + former.length - PAGE / 2) : 0;
    let page = await call("GET", this.#path(offset, PAGE));
    if (page.total > offset + PAGE || (offset > 0 && page.items.length === 0)) {
      offset = Math.max(0, page.total - PAGE);
      page = await call("GET", this.#path(offset, PAGE));
    }
    if (visit !== this.#visit) return;
    const known = new Map(former.map((message) => [message.id, message]));
    const last = page.items.map((message) => kept(message, known.get(message.id)));
    const joins = isSameBranch && offset >= this.older && offset <= this.older + former.length;
    this.messages = joins ? [...former.slice(0, offset - this.older), ...last] : last;
    if (!joins) this.older = offset;
  }

  #path(offset, limit) {
    const branch = this.branch === null ? "" : `&branch=${this.branch}`;
    return `/api/chats/${this.chatId}/messages?offset=${offset}&limit=${limit}${branch}`;
  }

  #leave({ keepsMessages = false } = {}) {
    this.#visit += 1;
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

/** @returns {any} */
function newQuestion(content, chatId, key) {
  const time = new Date().toISOString();
  return { id: 0, chat_id: chatId, key: key ?? `question-${time.replaceAll(/\W/g, "-")}`, sender_type: "user", content, time_sent: time, citations: [], state: "running", error: null, answers: null, versions: [] };
}

const withKey = (message) => ({ ...message, key: `message-${message.id}` });

/** The message as it was, if nothing has changed, so that it is not drawn again. */
function kept(message, former) {
  if (!former) return withKey(message);
  const isSame = former.content === message.content && former.state === message.state && former.versions.length === message.versions.length;
  return isSame ? former : { ...message, key: former.key };
}

export const conversation = new Conversation();
