// The open chat: its messages, the question box, and the streamed answer.

import { call, listAll, Problem, stream } from "./api.js";
import { messageOf } from "./dialog.js";
import { announce, byId, count, el, icon } from "./dom.js";
import { isPending, isReady } from "./documents.js";
import { answerArticle, questionArticle, redrawAnswer } from "./message.js";
import { WRITE } from "./namespaces.js";

let user = null;
let namespace = null;
let chatId = null;
let messages = [];
let documents = null; // null until loaded
let turn = null; // {controller, article, isStored}: the turn in progress; isStored: the server has its question
let openCount = 0;
let listeners = {};

/** Set up the chat. `created(chat)` is called when a first question creates a chat, `answered()` after each turn. */
export function start({ created, answered }) {
  listeners = { created, answered };
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  byId("stop").addEventListener("click", stop);
  const box = byId("question");
  box.addEventListener("keydown", (event) => {
    // During input method composition, Enter selects a candidate.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
  box.addEventListener("input", () => {
    fitBox();
    saveDraft();
  });
}

/** Show a chat, or an empty new one if `wantedChat` is null. */
export async function open(wantedUser, wantedNamespace, wantedChat) {
  turn?.controller.abort();
  turn = null;
  openCount += 1;
  const opening = openCount;
  if (namespace?.id !== wantedNamespace.id) documents = null;
  [user, namespace, chatId, messages] = [wantedUser, wantedNamespace, wantedChat, []];
  byId("conversation").hidden = false;
  showBusy(false);
  restoreDraft();
  if (chatId === null) return render();
  byId("messages").replaceChildren(el("p", { class: "muted loading" }, "Loading…"));
  const found = await listAll(`/api/chats/${chatId}/messages`);
  if (opening !== openCount) return null;
  messages = found;
  render();
  scrollDown(true);
  // Not awaited: the page is usable while the answer is written.
  join();
  return null;
}

/** Continue to show an answer that the server is still writing. */
async function join() {
  if (messages.at(-1)?.state !== "running") return;
  if (messages.at(-1).sender_type === "LLM") messages = messages.slice(0, -1);
  turn = { controller: new AbortController(), isStored: true };
  render();
  await answer("GET", `/api/chats/${chatId}/stream`, undefined, turn);
}

/** Stop the answer. The server then ends the stream with what it has stored. */
async function stop() {
  if (!turn?.isStored) return;
  try {
    await call("POST", `/api/chats/${chatId}/stop`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showProblem(problem);
  }
}

/** Update the documents, on which the empty state and the note above the question box depend. */
export function setDocuments(found) {
  documents = found;
  const waiting = documents.filter(isPending).length;
  const note = byId("pending-note");
  note.hidden = !waiting || !documents.some(isReady);
  note.textContent = `${count(waiting, "document")} still processing. Answers don't use ${waiting === 1 ? "it" : "them"} yet.`;
  if (!messages.length && !turn) render();
}

function render() {
  const articles = messages.map((message, i) => {
    if (message.sender_type === "user") return questionArticle(message.content);
    const isLast = i === messages.length - 1;
    const reason = message.error && el("p", { class: "error" }, message.error.detail);
    return answerArticle(message, [reason, isLast && actions("Regenerate", "small quiet")]);
  });
  if (messages.at(-1)?.sender_type === "user" && !turn) {
    const text = el("p", { class: "muted" }, "This question has not been answered.");
    articles.push(el("div", { class: "unanswered" }, text, actions("Generate answer")));
  }
  byId("messages").replaceChildren(...(articles.length ? articles : [emptyState()]));
}

function actions(label, className = "small") {
  const button = el("button", { type: "button", class: className, onclick: regenerate }, icon("again"), label);
  return el("div", { class: "message-actions" }, button);
}

function emptyState() {
  if (documents === null) return el("p", { class: "muted loading" }, "Loading…");
  const ready = documents.filter(isReady).length;
  const [heading, text] = emptyStateText(ready);
  const upload = el("label", { class: "button primary", htmlFor: "file-input" }, icon("upload"), "Upload PDF or DOCX");
  const canUpload = namespace.auth_level >= WRITE && !ready && !documents.some(isPending);
  return el("div", { class: "empty-state" }, el("h2", {}, heading), el("p", { class: "muted" }, text), canUpload && upload);
}

function emptyStateText(ready) {
  if (ready) {
    return [
      `Ask about ${count(ready, "document")}`,
      "Every answer cites its sources. Select a citation number to see the passage and open the document at its page.",
    ];
  }
  if (documents.some(isPending)) {
    return ["Your documents are being processed", "You can ask questions as soon as the first one is ready."];
  }
  if (namespace.auth_level < WRITE) {
    return ["No documents yet", "You have read access to this namespace. A member with write access must upload documents first."];
  }
  if (documents.length) {
    return ["None of the documents could be read", "The list shows the reason for each one. Try again, or upload other files."];
  }
  return ["Add your first documents", "Upload PDF or DOCX files, or drop them anywhere on this page. Then ask questions about them."];
}

async function ask() {
  const box = byId("question");
  const content = box.value.trim();
  if (!content || turn) return;
  const opening = openCount;
  const messagesBefore = messages;
  messages = [...messages, { sender_type: "user", content }];
  setQuestion("");
  turn = { controller: new AbortController(), isStored: false };
  render();
  try {
    if (chatId === null) {
      const chat = await call("POST", "/api/chats", { namespace_id: namespace.id });
      if (opening !== openCount) return;
      chatId = chat.id;
      listeners.created(chat);
    }
    await answer("POST", `/api/chats/${chatId}/messages`, { content }, turn);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (opening !== openCount) return;
    // The server did not store the question: restore it, so that the user can send it again.
    messages = messagesBefore;
    turn = null;
    showBusy(false);
    render();
    setQuestion(content);
    if (problem.status !== 401) showProblem(problem);
  }
}

async function regenerate() {
  if (turn) return;
  if (messages.at(-1)?.sender_type === "LLM") messages = messages.slice(0, -1);
  turn = { controller: new AbortController(), isStored: true };
  render();
  try {
    await answer("POST", `/api/chats/${chatId}/regenerate`, undefined, turn);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showProblem(problem);
  }
}

/** Request an answer and render it as it is streamed. Throws only if the question itself was not stored. */
async function answer(method, path, body, current) {
  const { signal } = current.controller;
  const partial = { content: "", citations: [] };
  current.article = answerArticle(partial);
  current.article.classList.add("is-writing");
  byId("messages").append(current.article);
  showBusy(true);
  scrollDown(true);
  announce("Luma is answering");
  try {
    for await (const { event, data } of stream(method, path, body, signal)) {
      if (event === "user_message") {
        current.isStored = true;
        messages[messages.length - 1] = data;
      } else if (event === "citations") {
        partial.citations = data;
      } else if (event === "delta") {
        partial.content += data.text;
        scheduleRedraw(current, partial);
      } else if (event === "llm_message") {
        showFinished(current, data);
      } else if (event === "error") {
        throw new Problem(data);
      }
    }
    if (turn === current) throw new Problem({ detail: "The answer ended unexpectedly. Try again." });
  } catch (problem) {
    // Reading is aborted when another chat is opened. The server still writes the answer.
    if (turn !== current) return;
    if (!(problem instanceof Problem) || !current.isStored) throw problem;
    turn = null;
    showBusy(false);
    render();
    showProblem(problem, partial);
    // Stored, so the next question must not hide it.
    if (partial.content) messages.push({ ...partial, sender_type: "LLM", error: { detail: messageOf(problem) } });
    listeners.answered();
  }
}

function scheduleRedraw(current, partial) {
  if (current.frame) return;
  current.frame = requestAnimationFrame(() => {
    current.frame = 0;
    if (turn !== current) return;
    redrawAnswer(current.article, partial);
    scrollDown(false);
  });
}

function showFinished(current, message) {
  if (turn !== current) return;
  turn = null;
  messages.push(message);
  showBusy(false);
  render();
  scrollDown(false);
  announce(message.state === "stopped" ? "Stopped" : `Luma: ${message.content}`);
  listeners.answered();
}

function showProblem(problem, partial = null) {
  const list = byId("messages");
  // The button beside the error replaces the one beside the unanswered question.
  list.querySelector(".unanswered")?.remove();
  if (partial?.content) list.append(answerArticle(partial));
  const canRepeat = messages.at(-1)?.sender_type === "user";
  const reason = el("p", { class: "error" }, messageOf(problem));
  list.append(el("div", { class: "failure", role: "alert" }, reason, canRepeat && actions("Try again")));
  scrollDown(true);
}

function showBusy(busy) {
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
}

function scrollDown(always) {
  const list = byId("messages");
  // Keep the position if the user has scrolled up.
  if (always || list.scrollHeight - list.scrollTop - list.clientHeight < 120) list.scrollTop = list.scrollHeight;
}

const draftKey = () => `draft:${user.id}:${namespace.id}:${chatId ?? "new"}`;

function saveDraft() {
  const { value } = byId("question");
  if (value) sessionStorage.setItem(draftKey(), value);
  else sessionStorage.removeItem(draftKey());
}

function setQuestion(text) {
  byId("question").value = text;
  fitBox();
  saveDraft();
}

function restoreDraft() {
  byId("question").value = sessionStorage.getItem(draftKey()) ?? "";
  fitBox();
}

function fitBox() {
  const box = byId("question");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
