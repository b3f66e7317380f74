// The documents of the open namespace: list, ingestion state, upload and removal.

import { call, listAll, Problem, upload } from "./api.js";
import { showForm, messageOf } from "./dialog.js";
import { announce, byId, count, el, icon, iconButton, notify } from "./dom.js";
import { subscribe } from "./change-stream.js";
import { WRITE } from "./namespaces.js";
import { fileUrl, showDocument } from "./source.js";

const POLL_MS = 1000;
const MAX_UPLOADS = 2;
const NO_FOLDERS = "Folders are not supported. Drop the files themselves, or use luma ingest.";
const STAGES = { parsing: "Reading", chunking: "Splitting", embedding: "Indexing", storing: "Saving" };

let namespace = null;
let documents = [];
let uploads = []; // {key, namespaceId, file, state: waiting | sending | failed, share, error}
let rows = new Map(); // the rendered rows, by document id or upload
let timer = 0;
let refreshing = null; // the promise of a running fetch
let isStale = false; // the list changed since the last fetch began
let isSubscribed = false; // the server sends change events; without them the list is polled
let unsubscribe = null;
let changed = () => {};

/** Whether a document is queued or being ingested. */
export const isPending = ({ ingestion }) => ["queued", "running"].includes(ingestion?.state);
/** Whether a document is searchable. */
export const isReady = (doc) => doc.vec_count > 0;

/** Set up the pane. `listener(documents)` is called after each change of the list. */
export function start(listener) {
  changed = listener;
  byId("upload-label").prepend(icon("upload"));
  byId("file-input").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  acceptDrops(byId("app"));
}

/** Show the documents of a namespace, or hide the pane if it is null. */
export async function open(wanted) {
  clearTimeout(timer);
  const isNew = wanted?.id !== namespace?.id;
  namespace = wanted;
  if (isNew) endSubscription();
  if (wanted) unsubscribe ??= subscribe(wanted.id, onChange, onDisconnect);
  byId("documents").hidden = !wanted;
  byId("dropzone").hidden = !canWrite();
  if (isNew) {
    documents = [];
    rows = new Map();
    render();
  }
  if (wanted) await refresh();
}

const canWrite = () => (namespace?.auth_level ?? 0) >= WRITE;

function onChange() {
  isSubscribed = true;
  refresh();
}

function onDisconnect() {
  isSubscribed = false;
  refresh();
}

function endSubscription() {
  unsubscribe?.();
  unsubscribe = null;
  isSubscribed = false;
}

/** Fetch the list, one request at a time, so that an older response never replaces a newer one. */
async function refresh() {
  isStale = true;
  refreshing ??= fetchUntilFresh();
  await refreshing;
}

async function fetchUntilFresh() {
  try {
    while (isStale) {
      isStale = false;
      await fetchList();
    }
  } finally {
    refreshing = null;
  }
}

async function fetchList() {
  clearTimeout(timer);
  const requested = namespace;
  if (!requested) return;
  let found;
  try {
    found = await listAll(`/api/namespaces/${requested.id}/documents`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // main.js handles a lost session or namespace. After other errors, keep the list and retry later.
    if (problem.status === 0 || problem.status >= 500) timer = setTimeout(refresh, 5 * POLL_MS);
    else if (requested === namespace) endSubscription();
    return;
  }
  if (requested !== namespace) return;
  for (const doc of found) announceFinished(doc);
  documents = found;
  render();
  changed(documents);
  if (!isSubscribed && documents.some(isPending)) timer = setTimeout(refresh, POLL_MS);
}

function announceFinished(now) {
  const before = documents.find((doc) => doc.id === now.id);
  if (!before || !isPending(before) || isPending(now)) return;
  announce(now.ingestion?.state === "failed" ? `${now.title} could not be read` : `${now.title} is ready`);
}

function render() {
  const focused = document.activeElement?.dataset.focus;
  const ownUploads = uploads.filter((item) => item.namespaceId === namespace?.id);
  byId("documents-count").textContent = documents.length ? String(documents.length) : "";
  const wanted = [
    ...ownUploads.map((item) => rowOf(item, { ...item, file: item.file.name }, () => uploadRow(item))),
    ...documents.map((doc) => rowOf(doc.id, doc, () => documentRow(doc))),
  ];
  const list = byId("document-list");
  if (wanted.length === list.children.length && wanted.every((row, i) => row === list.children[i])) return;
  list.replaceChildren(...wanted);
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

/** Reuse a row until its content changes, so that a refresh never replaces a button during a click. */
function rowOf(key, content, create) {
  const shape = JSON.stringify([content, canWrite()]);
  if (rows.get(key)?.shape !== shape) rows.set(key, { shape, row: create() });
  return rows.get(key).row;
}

function documentRow(doc) {
  const { ingestion } = doc;
  const kind = doc.type.toUpperCase();
  const removeButton = canWrite() && iconButton("trash", `Remove ${doc.title}`, () => remove(doc));
  if (removeButton) removeButton.dataset.focus = `remove-${doc.id}`;
  return el(
    "li",
    { class: "document", "data-state": ingestion?.state ?? "ready" },
    el("span", { class: `kind kind-${doc.type}`, "aria-hidden": "true" }, kind),
    el("div", { class: "document-body" }, titleOf(doc), el("p", { class: "muted" }, stateOf(doc)), detailsOf(doc)),
    removeButton,
  );
}

function titleOf(doc) {
  const attributes = { class: "document-title", "data-focus": `open-${doc.id}` };
  if (doc.type === "pdf") {
    return el("a", { ...attributes, href: fileUrl(doc.id), target: "_blank", rel: "noopener" }, doc.title);
  }
  return el("button", { ...attributes, type: "button", onclick: () => showDocument(doc) }, doc.title);
}

function stateOf({ type, ingestion, vec_count: passages }) {
  if (ingestion?.state === "queued") return ingestion.error ? "Waiting for another attempt" : "Queued";
  if (ingestion?.state === "running") return `${STAGES[ingestion.stage] ?? "Working"}…`;
  if (ingestion?.state === "failed") return "Could not be read";
  return `${type.toUpperCase()} · ${count(passages, "passage")}`;
}

function detailsOf({ id, title, ingestion }) {
  if (ingestion?.state === "running") {
    return el("progress", { max: 1, value: ingestion.progress, "aria-label": `Progress of ${title}` });
  }
  if (!ingestion?.error) return null;
  const retryButton = canWrite() && el("button", { type: "button", class: "small", "data-focus": `retry-${id}` }, "Try again");
  if (retryButton) retryButton.addEventListener("click", () => retry(ingestion, retryButton));
  const next = ingestion.next_attempt_at && ` Next attempt: ${new Date(ingestion.next_attempt_at).toLocaleTimeString()}.`;
  return [el("p", { class: "error" }, ingestion.error, next), retryButton];
}

function uploadRow(item) {
  const failed = item.state === "failed";
  const dismiss = () => {
    uploads = uploads.filter((other) => other !== item);
    render();
  };
  return el(
    "li",
    { class: "document", "data-state": failed ? "failed" : "running" },
    el("span", { class: "kind", "aria-hidden": "true" }, icon("upload")),
    el(
      "div",
      { class: "document-body" },
      el("span", { class: "document-title" }, item.file.name),
      el("p", { class: "muted" }, failed ? "Upload failed" : item.state === "sending" ? "Uploading…" : "Waiting to upload"),
      failed
        ? el("p", { class: "error" }, item.error)
        : el("progress", { max: 1, value: item.share, "aria-label": `Upload of ${item.file.name}` }),
    ),
    failed && iconButton("close", `Dismiss ${item.file.name}`, dismiss),
  );
}

function add(files) {
  if (!namespace || !canWrite()) return;
  byId("app").dataset.pane = "documents";
  byId("app").dispatchEvent(new Event("panechange"));
  uploads.push(...files.map((file) => ({ namespaceId: namespace.id, file, state: "waiting", share: 0, error: null })));
  render();
  sendNext();
}

function sendNext() {
  const sending = uploads.filter((item) => item.state === "sending").length;
  const next = uploads.find((item) => item.state === "waiting");
  if (!next || sending >= MAX_UPLOADS) return;
  send(next);
  sendNext();
}

async function send(item) {
  item.state = "sending";
  const form = new FormData();
  form.append("file", item.file, item.file.name);
  form.append("namespace_id", String(item.namespaceId));
  try {
    await upload("/api/documents", form, (share) => {
      item.share = share;
      render();
    });
    if (namespace?.id === item.namespaceId) await refresh();
    uploads = uploads.filter((other) => other !== item);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    item.state = "failed";
    item.error = messageOf(problem);
    announce(`The upload of ${item.file.name} failed. ${item.error}`);
  }
  render();
  sendNext();
}

async function retry(ingestion, button) {
  button.disabled = true;
  try {
    await call("POST", `/api/ingestions/${ingestion.id}/retry`);
  } catch (problem) {
    notify(messageOf(problem));
  }
  await refresh();
}

function remove(doc) {
  showForm({
    heading: `Remove “${doc.title}”?`,
    text: "Answers in this namespace will no longer use it. Existing answers keep their quotes.",
    action: "Remove document",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/namespaces/${namespace.id}/documents/${doc.id}`);
      await refresh();
    },
  });
}

function acceptDrops(area) {
  const hint = byId("drop-hint");
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  area.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    // By default the browser would leave the page and open the file.
    event.preventDefault();
    event.dataTransfer.dropEffect = canWrite() ? "copy" : "none";
    hint.hidden = !canWrite();
  });
  area.addEventListener("dragleave", (event) => {
    if (!area.contains(event.relatedTarget)) hint.hidden = true;
  });
  area.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hint.hidden = true;
    const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
    const files = [...event.dataTransfer.items].filter((item) => item.kind === "file" && !isFolder(item));
    if (files.length < event.dataTransfer.items.length) notify(NO_FOLDERS);
    add(files.map((item) => item.getAsFile()));
  });
}
