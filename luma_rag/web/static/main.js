// Puts the parts of the page together and keeps them in step with the address.

import * as account from "./account.js";
import { call, onSignedOut, Problem } from "./api.js";
import * as chats from "./chats.js";
import * as conversation from "./conversation.js";
import { messageOf } from "./dialog.js";
import * as documents from "./documents.js";
import { byId, el, icon, notify } from "./dom.js";
import * as namespaces from "./namespaces.js";
import { go, here, rename } from "./route.js";

const FIRST = [
  "Create your first namespace",
  "A namespace holds documents that belong together, for instance all about one project. " +
    "You upload PDF and DOCX files into it and ask questions about them.",
];
const NOT_HERE = [
  "This namespace isn't here",
  "It was deleted, or you may not read it. Choose another one, or create your own.",
];

let user = null;
let lastUserId = null;
let known = []; // the namespaces
let current = null; // the open namespace
let currentChats = [];
let journeys = 0;

function start() {
  for (const [id, name] of [
    ["new-namespace", "plus"],
    ["new-chat", "plus"],
    ["edit-namespace", "pencil"],
    ["delete-namespace", "trash"],
    ["menu", "menu"],
    ["send", "send"],
    ["stop", "stop"],
  ]) {
    byId(id).append(icon(name));
  }
  account.start(enter);
  conversation.start({ created: chatCreated, answered: refreshChats });
  documents.start(documentsChanged);
  byId("sign-out").addEventListener("click", guarded(account.signOut));
  byId("new-namespace").addEventListener("click", createNamespace);
  byId("edit-namespace").addEventListener("click", () => namespaces.edit(current, refreshNamespaces));
  byId("delete-namespace").addEventListener("click", () => namespaces.remove(current, leaveNamespace));
  byId("new-chat").addEventListener("click", () => {
    showSidebar(false);
    go({ namespaceId: current.id });
    byId("question").focus();
  });
  for (const button of byId("panes").children) button.addEventListener("click", () => showPane(button.dataset.pane));
  byId("app").addEventListener("panechange", () => showPane(byId("app").dataset.pane));
  byId("menu").addEventListener("click", () => showSidebar(!byId("app").hasAttribute("data-sidebar")));
  byId("scrim").addEventListener("click", () => showSidebar(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && showSidebar(false));
  window.addEventListener("hashchange", () => user && arrive());
  onSignedOut(() => {
    const wasIn = user !== null;
    user = null;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    account.show("login", wasIn ? "Your session has ended. Sign in to go on where you were." : undefined);
  });
  call("GET", "/api/auth/me").then(enter, (problem) => {
    if (problem.status !== 401) account.show("login", messageOf(problem));
  });
}

function enter(signedIn) {
  // Somebody else after a session has ended: nothing of the first one may stay behind.
  if (lastUserId !== null && lastUserId !== signedIn.id) return location.reload();
  user = signedIn;
  lastUserId = user.id;
  byId("user-name").textContent = user.username;
  byId("app").hidden = false;
  return arrive();
}

/** Show what the address names. Called for every change of it. */
async function arrive() {
  journeys += 1;
  const journey = journeys;
  const { namespaceId, chatId } = here();
  showSidebar(false);
  try {
    // What is known is opened at once: a question typed now must go to the chat that the address names.
    const remembered = known.find((each) => each.id === namespaceId);
    const opening = remembered && openPlace(remembered, namespaceId, chatId);
    const [found] = await Promise.all([namespaces.load(), opening]);
    if (journey !== journeys) return;
    known = found;
    if (namespaceId === null && known.length) return go({ namespaceId: known[0].id });
    const place = known.find((each) => each.id === namespaceId) ?? null;
    if (remembered && place) {
      current = place;
      showNamespace(namespaceId);
    } else {
      await openPlace(place, namespaceId, chatId);
    }
  } catch (problem) {
    await lost(problem, chatId);
  }
}

async function openPlace(namespace, namespaceId, chatId) {
  if (namespace?.id !== current?.id) byId("chat-list").replaceChildren();
  current = namespace;
  showNamespace(namespaceId);
  if (!current) return;
  await Promise.all([conversation.open(user, current, chatId), documents.open(current), refreshChats()]);
}

async function lost(problem, chatId) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) return;
  notify(messageOf(problem));
  // A chat that is gone, or somebody else's: its namespace is still worth showing.
  if (problem.status === 404 && chatId !== null && current) go({ namespaceId: current.id });
}

function showNamespace(wantedId) {
  namespaces.showList(known, current?.id);
  byId("namespace-heading").textContent = current?.name ?? "";
  byId("namespace-description").textContent = current?.description ?? "";
  byId("namespace-actions").hidden = (current?.auth_level ?? 0) < namespaces.ADMIN;
  byId("panes").hidden = !current;
  byId("chats").hidden = !current;
  byId("welcome").hidden = Boolean(current);
  document.title = current ? `${current.name} · Luma` : "Luma";
  if (current) return;
  byId("conversation").hidden = true;
  documents.open(null);
  const [heading, text] = wantedId === null ? FIRST : NOT_HERE;
  byId("welcome").replaceChildren(
    el("h2", {}, heading),
    el("p", { class: "muted" }, text),
    el("button", { type: "button", class: "primary", onclick: createNamespace }, icon("plus"), "New namespace"),
  );
}

function showChats() {
  chats.showList(currentChats, current.id, here().chatId, async (gone) => {
    if (gone.id === here().chatId) go({ namespaceId: current.id });
    else await refreshChats();
  });
}

async function refreshNamespaces() {
  known = await namespaces.load();
  current = known.find((each) => each.id === current.id) ?? current;
  showNamespace(current.id);
}

async function refreshChats() {
  const asked = current;
  const found = await chats.load(asked.id).catch(() => null);
  if (!found || asked !== current) return;
  currentChats = found;
  showChats();
}

function chatCreated(chat) {
  rename({ namespaceId: current.id, chatId: chat.id });
  currentChats = [chat, ...currentChats];
  showChats();
}

function documentsChanged(found) {
  conversation.setDocuments(found);
  const isStale = current.documents !== found.length;
  current.documents = found.length;
  if (isStale) namespaces.showList(known, current.id);
}

function createNamespace() {
  namespaces.create((made) => go({ namespaceId: made.id }));
}

async function leaveNamespace() {
  if (here().namespaceId === null) await arrive();
  else go({});
}

function showPane(pane) {
  byId("app").dataset.pane = pane;
  for (const button of byId("panes").children) button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
}

function showSidebar(isOpen) {
  byId("app").toggleAttribute("data-sidebar", isOpen);
  byId("menu").setAttribute("aria-expanded", String(isOpen));
}

function guarded(action) {
  return () => action().catch((problem) => notify(messageOf(problem)));
}

start();
