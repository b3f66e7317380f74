// Connects the parts of the page and keeps them in sync with the URL.

import * as account from "./account.js";
import { call, onSignedOut, Problem } from "./api.js";
import * as chats from "./chats.js";
import * as conversation from "./conversation.js";
import { messageOf } from "./dialog.js";
import * as documents from "./documents.js";
import { byId, el, icon, notify } from "./dom.js";
import * as namespaces from "./namespaces.js";
import { go, here, rename } from "./route.js";

const NO_NAMESPACES = [
  "Create your first namespace",
  "A namespace groups related documents, such as those of one project. " +
    "Upload PDF and DOCX files to it and ask questions about them.",
];
const NOT_FOUND = [
  "Namespace not found",
  "It was deleted, or you don't have access to it. Choose another namespace, or create one.",
];

let user = null;
let lastUserId = null;
let namespaceList = [];
let current = null; // the open namespace
let currentChats = [];
let navigations = 0;

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
  byId("sign-out").addEventListener("click", reportErrors(account.signOut));
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
  window.addEventListener("hashchange", () => user && navigate());
  onSignedOut(() => {
    const wasSignedIn = user !== null;
    user = null;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    account.show("login", wasSignedIn ? "Your session has expired. Sign in to continue." : undefined);
  });
  call("GET", "/api/auth/me").then(account.admit, (problem) => {
    if (problem.status !== 401) account.show("login", messageOf(problem));
  });
}

function enter(signedIn) {
  // After another user signs in, no data of the previous user may remain.
  if (lastUserId !== null && lastUserId !== signedIn.id) return location.reload();
  user = signedIn;
  lastUserId = user.id;
  byId("user-name").textContent = user.username;
  byId("app").hidden = false;
  return navigate();
}

/** Show the namespace and chat in the URL. Called on every change of the URL. */
async function navigate() {
  navigations += 1;
  const navigation = navigations;
  const { namespaceId, chatId } = here();
  showSidebar(false);
  try {
    // Open a namespace from the list at once: a question typed now must go to the chat in the URL.
    const loaded = namespaceList.find(({ id }) => id === namespaceId);
    const opening = loaded && openNamespace(loaded, namespaceId, chatId);
    const [found] = await Promise.all([namespaces.load(), opening]);
    if (navigation !== navigations) return;
    namespaceList = found;
    if (namespaceId === null && namespaceList.length) return go({ namespaceId: namespaceList[0].id });
    const target = namespaceList.find(({ id }) => id === namespaceId) ?? null;
    if (loaded && target) {
      current = target;
      showNamespace(namespaceId);
    } else {
      await openNamespace(target, namespaceId, chatId);
    }
  } catch (problem) {
    await showError(problem, chatId);
  }
}

async function openNamespace(namespace, namespaceId, chatId) {
  if (namespace?.id !== current?.id) byId("chat-list").replaceChildren();
  current = namespace;
  showNamespace(namespaceId);
  if (!current) return;
  await Promise.all([conversation.open(user, current, chatId), documents.open(current), refreshChats()]);
}

async function showError(problem, chatId) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) return;
  notify(messageOf(problem));
  // The chat does not exist or belongs to another user. Show its namespace instead.
  if (problem.status === 404 && chatId !== null && current) go({ namespaceId: current.id });
}

function showNamespace(wantedId) {
  namespaces.showList(namespaceList, current?.id);
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
  const [heading, text] = wantedId === null ? NO_NAMESPACES : NOT_FOUND;
  byId("welcome").replaceChildren(
    el("h2", {}, heading),
    el("p", { class: "muted" }, text),
    el("button", { type: "button", class: "primary", onclick: createNamespace }, icon("plus"), "New namespace"),
  );
}

function showChats() {
  chats.showList(currentChats, current.id, here().chatId, async (deleted) => {
    if (deleted.id === here().chatId) go({ namespaceId: current.id });
    else await refreshChats();
  });
}

async function refreshNamespaces() {
  namespaceList = await namespaces.load();
  current = namespaceList.find(({ id }) => id === current.id) ?? current;
  showNamespace(current.id);
}

async function refreshChats() {
  const requested = current;
  const found = await chats.load(requested.id).catch(() => null);
  if (!found || requested !== current) return;
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
  if (isStale) namespaces.showList(namespaceList, current.id);
}

function createNamespace() {
  namespaces.create((created) => go({ namespaceId: created.id }));
}

async function leaveNamespace() {
  if (here().namespaceId === null) await navigate();
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

function reportErrors(action) {
  return () => action().catch((problem) => notify(messageOf(problem)));
}

start();
