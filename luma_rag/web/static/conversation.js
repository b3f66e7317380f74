// The open chat: its messages, the question box, and the answer as it is written.

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
let documents = null; // null until they are known
let turn = null; // {controller, article, kept}: the answer being written
let opened = 0;
let listeners = {};

/** Wire the chat up; `created(chat)` is called when a first question made a chat, `answered()` after a turn. */
export function start({ created, answered }) {
  listeners = { created, answered };
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  byId("stop").addEventListener("click", () => turn?.controller.abort());
  const box = byId("question");
  box.addEventListener("keydown", (event) => {
    // While an input method is composing, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
  box.addEventListener("input", () => {
    fitBox();
    keepDraft();
  });
}

/** Show a chat, or the empty start of a new one where `wantedChat` is null. */
export async function open(wantedUser, wantedNamespace, wantedChat) {
  turn?.controller.abort();
  turn = null;
  opened += 1;
  const mine = opened;
  if (namespace?.id !== wantedNamespace.id) documents = null;
  [user, namespace, chatId, messages] = [wantedUser, wantedNamespace, wantedChat, []];
  byId("conversation").hidden = false;
  showBusy(false);
  restoreDraft();
  if (chatId === null) return render();
  byId("messages").replaceChildren(el("p", { class: "muted loading" }, "Loading…"));
  const found = await listAll(`/api/chats/${chatId}/messages`);
  if (mine !== opened) return null;
  messages = found;
  render();
  return scrollDown(true);
}

/** Say which documents there are: what can be asked depends on it. */
export function setDocuments(found) {
  documents = found;
  const waiting = documents.filter(isPending).length;
  const note = byId("pending-note");
  note.hidden = !waiting || !documents.some(isReady);
  note.textContent = `${count(waiting, "document")} still being read: answers don't use ${waiting === 1 ? "it" : "them"} yet.`;
  if (!messages.length && !turn) render();
}

function render() {
  const articles = messages.map((message, i) => {
    if (message.sender_type === "user") return questionArticle(message.content);
    const isLast = i === messages.length - 1;
    return answerArticle(message, isLast && actions("Answer again", "small quiet"));
  });
  if (messages.at(-1)?.sender_type === "user" && !turn) {
    const text = el("p", { class: "muted" }, "This question has no answer.");
    articles.push(el("div", { class: "unanswered" }, text, actions("Answer it")));
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
  const [heading, text] = whatToDo(ready);
  const upload = el("label", { class: "button primary", htmlFor: "file-input" }, icon("upload"), "Upload PDF or DOCX");
  const canUpload = namespace.auth_level >= WRITE && !ready && !documents.some(isPending);
  return el("div", { class: "empty-state" }, el("h2", {}, heading), el("p", { class: "muted" }, text), canUpload && upload);
}

function whatToDo(ready) {
  if (ready) {
    return [
      `Ask about ${count(ready, "document")}`,
      "Every answer names the passages it rests on. Choose a number in it to see the passage, and to open the document there.",
    ];
  }
  if (documents.some(isPending)) {
    return ["Your documents are being read", "You can ask as soon as the first of them is ready."];
  }
  if (namespace.auth_level < WRITE) {
    return ["No documents yet", "You may read this namespace but not add to it. Somebody with write access has to upload first."];
  }
  if (documents.length) {
    return ["None of the documents could be read", "The reasons stand beside them. Try again, or upload others."];
  }
  return ["Add your first documents", "Upload PDF or DOCX files, or drop them anywhere on this page. Then ask about them."];
}

async function ask() {
  const box = byId("question");
  const content = box.value.trim();
  if (!content || turn) return;
  const mine = opened;
  const messagesBefore = messages;
  messages = [...messages, { sender_type: "user", content }];
  setQuestion("");
  turn = { controller: new AbortController(), kept: false };
  render();
  try {
    if (chatId === null) {
      const chat = await call("POST", "/api/chats", { namespace_id: namespace.id });
      if (mine !== opened) return;
      chatId = chat.id;
      listeners.created(chat);
    }
    await answer(`/api/chats/${chatId}/messages`, { content }, turn);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (mine !== opened) return;
    // The server doesn't have the question: give it back to be sent again.
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
  turn = { controller: new AbortController(), kept: true };
  render();
  try {
    await answer(`/api/chats/${chatId}/regenerate`, undefined, turn);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showProblem(problem);
  }
}

/** Ask the server and show the answer as it comes. Throws only where the question itself was not stored. */
async function answer(path, body, mine) {
  const { signal } = mine.controller;
  const shown = { content: "", citations: [] };
  mine.article = answerArticle(shown);
  mine.article.classList.add("is-writing");
  byId("messages").append(mine.article);
  showBusy(true);
  scrollDown(true);
  announce("Luma is answering");
  try {
    for await (const { event, data } of stream(path, body, signal)) {
      if (event === "user_message") {
        mine.kept = true;
        messages[messages.length - 1] = data;
      } else if (event === "citations") {
        shown.citations = data;
      } else if (event === "delta") {
        shown.content += data.text;
        drawSoon(mine, shown);
      } else if (event === "llm_message") {
        finish(mine, data);
      } else if (event === "error") {
        throw new Problem(data);
      }
    }
    if (turn === mine) throw new Problem({ detail: "The answer broke off before its end. Try again." });
  } catch (problem) {
    if (turn !== mine) return;
    if (problem.name === "AbortError") return await stopped(mine, shown);
    if (!(problem instanceof Problem) || !mine.kept) throw problem;
    turn = null;
    showBusy(false);
    render();
    showProblem(problem, shown);
  }
}

function drawSoon(mine, shown) {
  if (mine.frame) return;
  mine.frame = requestAnimationFrame(() => {
    mine.frame = 0;
    if (turn !== mine) return;
    redrawAnswer(mine.article, shown);
    scrollDown(false);
  });
}

function finish(mine, message) {
  if (turn !== mine) return;
  turn = null;
  messages.push(message);
  showBusy(false);
  render();
  scrollDown(false);
  announce(`Luma: ${message.content}`);
  listeners.answered();
}

/** After a stop the server stores what was written so far; it needs a moment to notice. */
async function stopped(mine, shown) {
  showBusy(false);
  mine.article.classList.remove("is-writing");
  announce("Stopped");
  const asked = chatId;
  for (let tries = 0; tries < 5 && turn === mine; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const found = await listAll(`/api/chats/${asked}/messages`);
    if (turn !== mine) return;
    if (found.at(-1)?.sender_type === "LLM" || tries === 4 || !shown.content) {
      turn = null;
      messages = found;
      render();
      listeners.answered();
    }
  }
}

function showProblem(problem, written = null) {
  const list = byId("messages");
  // The button of the problem takes the place of the plain one.
  list.querySelector(".unanswered")?.remove();
  if (written?.content) list.append(answerArticle(written));
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
  // Who has scrolled up to read is left there.
  if (always || list.scrollHeight - list.scrollTop - list.clientHeight < 120) list.scrollTop = list.scrollHeight;
}

const draftKey = () => `draft:${user.id}:${namespace.id}:${chatId ?? "new"}`;

function keepDraft() {
  const { value } = byId("question");
  if (value) sessionStorage.setItem(draftKey(), value);
  else sessionStorage.removeItem(draftKey());
}

function setQuestion(text) {
  byId("question").value = text;
  fitBox();
  keepDraft();
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
