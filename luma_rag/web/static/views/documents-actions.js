// What can be done with documents, one or many at once.

import { call, Problem } from "../core/api.js";
import { count } from "../core/format.js";
import { pathOf, router } from "../core/router.js";
import { documents } from "../stores/documents.js";
import { library } from "../stores/library.js";
import { namespaces, WRITE } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { session } from "../stores/session.js";
import { showForm } from "./form-dialog.js";

/** @import { Doc } from "../stores/document-list.js" */
/** @import { Namespace } from "../stores/namespaces.js" */

const MOST_ASKED = 1000;
const PAUSE_MS = 5000;

/** Whether the user may share, publish and delete a document. @param {Doc} doc */
export const isOwn = (doc) => doc.user_id === session.user?.id || session.isAdmin;

/** Whether the user may put a document into a namespace. @param {Doc} doc */
export const isAddable = (doc) => doc.permission === "write" || doc.is_public;

/** @param {Doc} doc */
export const fileOf = (doc) => `/api/documents/${doc.id}/file`;

/** @param {Doc[]} docs */
const named = (docs) => (docs.length === 1 ? `“${docs[0].title}”` : count(docs.length, "document"));

/** @param {Doc} doc */
export function open(doc) {
  router.openReader({ docId: doc.id, page: null });
}

/** @param {Doc} doc */
export function download(doc) {
  const link = Object.assign(document.createElement("a"), { href: fileOf(doc), download: doc.file_metadata.original_filename ?? "" });
  link.click();
}

/** @param {Doc} doc */
export function rename(doc) {
  showForm({
    heading: "Rename document",
    fields: [{ name: "title", label: "Title", value: doc.title, required: true, maxLength: 255 }],
    action: "Rename",
    submit: async ({ title }) => patch(await call("PATCH", `/api/documents/${doc.id}`, { title })),
  });
}

/** @param {Doc} doc @param {boolean} isPublic */
export function publish(doc, isPublic) {
  showForm({
    heading: isPublic ? `Make “${doc.title}” public?` : `Make “${doc.title}” private?`,
    text: isPublic
      ? "Everyone with an account can read it and add it to their namespaces."
      : "It leaves the namespaces to which others added it because it was public.",
    action: isPublic ? "Make public" : "Make private",
    submit: async () => patch(await call("PATCH", `/api/documents/${doc.id}`, { is_public: isPublic })),
  });
}

/** Narrow the next questions to documents, and go to where they are asked. @param {Doc[]} docs @param {Namespace} namespace */
export async function askOnly(docs, namespace) {
  const readable = docs.filter((doc) => doc.state === "ready");
  if (!readable.length) return notices.show("None of these documents can be asked yet.");
  if (readable.length > MOST_ASKED) return notices.show(`Choose at most ${count(MOST_ASKED, "document")}.`);
  const { conversation } = await import("../stores/conversation.js");
  router.go({ view: "namespace", namespaceId: namespace.id });
  // Opening another namespace widens questions to all documents again.
  setTimeout(() => conversation.narrow(readable.map(({ id, title }) => ({ id, title }))));
}

/** Read documents again that could not be read. @param {Doc[]} docs */
export async function retry(docs) {
  const failed = docs.filter(({ ingestion }) => ingestion?.error);
  try {
    await many(failed, async ({ id, ingestion }) => documents.patch(id, { ingestion: await call("POST", `/api/ingestions/${ingestion?.id}/retry`) }));
  } catch (problem) {
    notices.showError(problem);
  }
}

/** @param {Doc[]} docs @param {Namespace} namespace */
export function remove(docs, namespace) {
  showForm({
    heading: `Remove ${named(docs)} from “${namespace.name}”?`,
    text: "Answers here no longer use it. Answers given so far keep their quotes, and the owner keeps the document.",
    action: "Remove",
    isDangerous: true,
    submit: async () => {
      await many(docs, async ({ id }) => {
        await gone(() => call("DELETE", `/api/namespaces/${namespace.id}/documents/${id}`));
        documents.drop(id);
      });
      namespaces.load();
    },
  });
}

/** Delete the user's own among these documents. @param {Doc[]} docs */
export function deleteForGood(docs) {
  const own = docs.filter(isOwn);
  const others = docs.length - own.length;
  showForm({
    heading: `Delete ${named(own)} for good?`,
    text:
      "The file and its text are deleted, in every namespace and for everybody. Answers given so far keep their quotes. This can't be undone." +
      (others ? ` ${count(others, "document")} of other people ${others === 1 ? "stays" : "stay"}.` : ""),
    action: "Delete for good",
    isDangerous: true,
    submit: async () => {
      await many(own, async ({ id }) => {
        await gone(() => call("DELETE", `/api/documents/${id}`));
        documents.drop(id);
        library.drop(id);
        closeReaderOf(id);
      });
      namespaces.load();
    },
  });
}

/** Add documents to a namespace that the user chooses. @param {Doc[]} docs @param {number | null} [hereId] where they stand already */
export function addToNamespace(docs, hereId = null) {
  const addable = docs.filter(isAddable);
  const options = namespaces.items
    .filter(({ id, auth_level }) => auth_level >= WRITE && id !== hereId)
    .map(({ id, name }) => ({ value: String(id), label: name }));
  if (!options.length) return notices.show("There is no other namespace to which you may add documents.");
  if (!addable.length) return notices.show("You can read these documents, but not add them elsewhere.");
  const others = docs.length - addable.length;
  showForm({
    heading: `Add ${named(addable)} to a namespace`,
    text: others ? `${count(others, "document")} that you can only read ${others === 1 ? "is" : "are"} left out.` : undefined,
    fields: [{ name: "namespace", label: "Namespace", type: "select", options }],
    action: "Add",
    submit: async (values) => {
      const { id, name } = /** @type {Namespace} */ (namespaces.get(Number(values.namespace)));
      let known = 0;
      const done = await many(addable, async (doc) => {
        const isNew = await added(doc.id, id);
        known += isNew ? 0 : 1;
      });
      const note = known ? ` ${known === 1 && done === 1 ? "It was" : `${count(known, "document was", "documents were")}`} there already.` : "";
      if (done) notices.show(done > known ? `Added ${count(done - known, "document")} to “${name}”.${note}` : `Nothing to add to “${name}”.${note}`, {
        action: { label: "Open", run: () => router.go({ view: "namespace", namespaceId: id, tab: "documents" }) },
      });
      namespaces.load();
    },
  });
}

/** @param {number} docId @param {number} namespaceId @returns {Promise<boolean>} whether it was not there already */
async function added(docId, namespaceId) {
  try {
    await call("POST", `/api/namespaces/${namespaceId}/documents`, { doc_id: docId });
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
    return false;
  }
}

/** What is already gone needs no deletion. @param {() => Promise<unknown>} request */
async function gone(request) {
  try {
    await request();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
  }
}

/**
 * Do something with each document, and name those with which it failed. Returns how many went well.
 * @param {Doc[]} docs @param {(doc: Doc) => Promise<unknown>} act
 */
async function many(docs, act) {
  /** @type {Doc[]} */
  const failed = [];
  let reason = "";
  for (const doc of docs) {
    try {
      await patiently(() => act(doc));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (docs.length === 1) throw problem;
      failed.push(doc);
      reason = problem.message;
    }
  }
  if (failed.length) notices.show(`Failed for ${failed.length} of ${docs.length}: ${reason}`, { isError: true });
  documents.selectNone();
  library.selectNone();
  return docs.length - failed.length;
}

/** Wait when the server asks for patience. @param {() => Promise<unknown>} request @returns {Promise<unknown>} */
async function patiently(request) {
  try {
    return await request();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 429) throw problem;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return patiently(request);
  }
}

/** @param {Doc} doc */
function patch(doc) {
  documents.patch(doc.id, doc);
  library.patch(doc.id, doc);
}

/** @param {number} docId */
function closeReaderOf(docId) {
  const { reader } = router.route;
  if (reader && "docId" in reader && reader.docId === docId) router.go({ ...router.route, reader: null }, { replace: true });
}

/** The address of a document beside what is open. @param {Doc} doc */
export const addressOf = (doc) => pathOf({ ...router.route, reader: { docId: doc.id, page: null } });
