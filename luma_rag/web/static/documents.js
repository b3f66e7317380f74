// The documents of the open namespace: list, state of their ingestion, upload, removal.

import { call, listAll, Problem, upload } from "./api.js";
import { askFor, messageOf } from "./dialog.js";
import { announce, byId, count, el, icon, iconButton, notify } from "./dom.js";
import { follow } from "./change-stream.js";
import { WRITE } from "./namespaces.js";
import { fileUrl, showDocument } from "./source.js";

const POLL_MS = 1000;
const UPLOADS_AT_ONCE = 2;
const NO_FOLDERS = "Folders can't be dropped here. Drop the files in them, or use luma ingest.";
const STAGES = { parsing: "Reading", chunking: "Splitting", embedding: "Indexing", storing: "Saving" };

let namespace = null;
let documents = [];
let uploads = []; // {key, namespaceId, file, state: waiting | sending | failed, share, error}
let made = new Map(); // the rows in the list, by document id or upload
let timer = 0;
let refreshing = null; // the list is being fetched
let isStale = false; // and has to be once more
let isFollowed = false; // the server tells what changes; without that it is asked again and again
let unfollow = null;
let changed = () => {};

/** Whether a document is still on its way into the namespace. */
export const isPending = ({ ingestion }) => ["queued", "running"].includes(ingestion?.state);
/** Whether a document can be asked about. */
export const isReady = (each) => each.vec_count > 0;

/** Wire the pane up; `listener(documents)` is called whenever the list has changed. */
export function start(listener) {
  changed = listener;
  byId("upload-label").prepend(icon("upload"));
  byId("file-input").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  acceptDrops(byId("app"));
}

/** Show the documents of a namespace, or nothing. */
export async function open(wanted) {
  clearTimeout(timer);
  const isNew = wanted?.id !== namespace?.id;
  namespace = wanted;
  if (isNew) endFollowing();
  if (wanted) unfollow ??= follow(wanted.id, onNews, onBroken);
  byId("documents").hidden = !wanted;
  byId("dropzone").hidden = !canWrite();
  if (isNew) {
    documents = [];
    made = new Map();
    render();
  }
  if (wanted) await refresh();
}

const canWrite = () => (namespace?.auth_level ?? 0) >= WRITE;

function onNews() {
  isFollowed = true;
  refresh();
}

function onBroken() {
  isFollowed = false;
  refresh();
}

function endFollowing() {
  unfollow?.();
  unfollow = null;
  isFollowed = false;
}

/** Fetch the list; one at a time, so that an older answer never replaces a newer one. */
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
  const asked = namespace;
  if (!asked) return;
  let found;
  try {
    found = await listAll(`/api/namespaces/${asked.id}/documents`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // Signed out or gone: main.js deals with it. Otherwise keep what is shown and ask again later.
    if (problem.status === 0 || problem.status >= 500) timer = setTimeout(refresh, 5 * POLL_MS);
    else if (asked === namespace) endFollowing();
    return;
  }
  if (asked !== namespace) return;
  for (const each of found) tellWhatEnded(each);
  documents = found;
  render();
  changed(documents);
  if (!isFollowed && documents.some(isPending)) timer = setTimeout(refresh, POLL_MS);
}

function tellWhatEnded(now) {
  const before = documents.find((each) => each.id === now.id);
  if (!before || !isPending(before) || isPending(now)) return;
  announce(now.ingestion?.state === "failed" ? `${now.title} could not be read` : `${now.title} is ready`);
}

function render() {
  const focused = document.activeElement?.dataset.focus;
  const mine = uploads.filter((each) => each.namespaceId === namespace?.id);
  byId("documents-count").textContent = documents.length ? String(documents.length) : "";
  const rows = [
    ...mine.map((each) => rowOf(each, { ...each, file: each.file.name }, () => uploadRow(each))),
    ...documents.map((each) => rowOf(each.id, each, () => documentRow(each))),
  ];
  const list = byId("document-list");
  if (rows.length === list.children.length && rows.every((row, i) => row === list.children[i])) return;
  list.replaceChildren(...rows);
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

/** A row is made anew only when what it shows has changed: a click must not lose its button to a refresh. */
function rowOf(key, shown, make) {
  const shape = JSON.stringify([shown, canWrite()]);
  if (made.get(key)?.shape !== shape) made.set(key, { shape, row: make() });
  return made.get(key).row;
}

function documentRow(each) {
  const { ingestion } = each;
  const kind = each.type.toUpperCase();
  const removeButton = canWrite() && iconButton("trash", `Remove ${each.title}`, () => remove(each));
  if (removeButton) removeButton.dataset.focus = `remove-${each.id}`;
  return el(
    "li",
    { class: "document", "data-state": ingestion?.state ?? "ready" },
    el("span", { class: `kind kind-${each.type}`, "aria-hidden": "true" }, kind),
    el("div", { class: "document-body" }, titleOf(each), el("p", { class: "muted" }, stateOf(each)), detailsOf(each)),
    removeButton,
  );
}

function titleOf(each) {
  const attributes = { class: "document-title", "data-focus": `open-${each.id}` };
  if (each.type === "pdf") {
    return el("a", { ...attributes, href: fileUrl(each.id), target: "_blank", rel: "noopener" }, each.title);
  }
  return el("button", { ...attributes, type: "button", onclick: () => showDocument(each) }, each.title);
}

function stateOf({ type, ingestion, vec_count: passages }) {
  if (ingestion?.state === "queued") return "Waiting to be read";
  if (ingestion?.state === "running") return `${STAGES[ingestion.stage] ?? "Working"}…`;
  if (ingestion?.state === "failed") return "Could not be read";
  return `${type.toUpperCase()} · ${count(passages, "passage")}`;
}

function detailsOf({ id, title, ingestion }) {
  if (ingestion?.state === "running") {
    return el("progress", { max: 1, value: ingestion.progress, "aria-label": `Progress of ${title}` });
  }
  if (ingestion?.state !== "failed") return null;
  const again = canWrite() && el("button", { type: "button", class: "small", "data-focus": `retry-${id}` }, "Try again");
  if (again) again.addEventListener("click", () => retry(ingestion, again));
  return [el("p", { class: "error" }, ingestion.error), again];
}

function uploadRow(each) {
  const failed = each.state === "failed";
  const dismiss = () => {
    uploads = uploads.filter((other) => other !== each);
    render();
  };
  return el(
    "li",
    { class: "document", "data-state": failed ? "failed" : "running" },
    el("span", { class: "kind", "aria-hidden": "true" }, icon("upload")),
    el(
      "div",
      { class: "document-body" },
      el("span", { class: "document-title" }, each.file.name),
      el("p", { class: "muted" }, failed ? "Not added" : each.state === "sending" ? "Uploading…" : "Waiting to upload"),
      failed
        ? el("p", { class: "error" }, each.error)
        : el("progress", { max: 1, value: each.share, "aria-label": `Upload of ${each.file.name}` }),
    ),
    failed && iconButton("close", `Dismiss ${each.file.name}`, dismiss),
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
  const sending = uploads.filter((each) => each.state === "sending").length;
  const next = uploads.find((each) => each.state === "waiting");
  if (!next || sending >= UPLOADS_AT_ONCE) return;
  send(next);
  sendNext();
}

async function send(each) {
  each.state = "sending";
  const form = new FormData();
  form.append("file", each.file, each.file.name);
  form.append("namespace_id", String(each.namespaceId));
  try {
    await upload("/api/documents", form, (share) => {
      each.share = share;
      render();
    });
    if (namespace?.id === each.namespaceId) await refresh();
    uploads = uploads.filter((other) => other !== each);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    each.state = "failed";
    each.error = messageOf(problem);
    announce(`${each.file.name} was not added. ${each.error}`);
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

function remove(each) {
  askFor({
    heading: `Remove “${each.title}”?`,
    text: "It is no longer used for answers in this namespace. Answers given so far keep their quotes.",
    action: "Remove document",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/namespaces/${namespace.id}/documents/${each.id}`);
      await refresh();
    },
  });
}

function acceptDrops(area) {
  const hint = byId("drop-hint");
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  area.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    // Without this the browser would leave the page and open the file.
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
