// The conversation in the open chat: questions, and the answer that is being written.

import { call, Problem } from "../core/api.js";
import { router } from "../core/router.js";
import { newQuestion } from "./branch.js";
import { drafts } from "./drafts.js";
import { OpenChat } from "./open-chat.js";
import { Turn } from "./turn.js";

/**
 * @typedef {import("./branch.js").Citation} Citation
 * @typedef {import("./branch.js").Message} Message
 */

/** The conversation in the open chat. */
class Conversation extends OpenChat {
  /**
   * Ask a question. The first one of a new chat begins the chat. Throws a Problem if a new version was not sent;
   * another question goes back to where it was typed.
   * @param {string} content
   * @param {{replaces?: number | null, onSent?: () => void}} [options] `replaces` is the question of which this is a new version
   */
  async ask(content, { replaces = null, onSent = () => {} } = {}) {
    if (this.turn) return;
    const visit = this.visit;
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
      if (visit !== this.visit) return;
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
    const visit = this.visit;
    const before = this.messages;
    const turn = new Turn(question.chat_id, question);
    this.#show(turn, before.slice(0, place + 1));
    try {
      await this.#follow(turn, "POST", `regenerate?question=${questionId}`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (visit === this.visit) this.#showUnsent(before, problem);
    }
  }

  /** Stop the answer that is being written, in whatever tab it was asked for. */
  async stop() {
    await this.turn?.stop();
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
    const visit = this.visit;
    const chat = await call("POST", "/api/chats", { namespace_id: this.namespaceId });
    turn.chatId = chat.id;
    drafts.move(key, `c${chat.id}`);
    if (visit !== this.visit) return;
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
  join() {
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

}

export const conversation = new Conversation();
