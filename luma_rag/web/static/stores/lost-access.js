// What happens to the screen when a right is taken away: nothing of it stays.

import { announce } from "../core/announce.js";
import { call, Problem } from "../core/api.js";
import { router } from "../core/router.js";
import { namespaces } from "./namespaces.js";
import { notices } from "./notices.js";

/** @type {Map<number, string>} the names of the namespaces that could be read so far */
let known = new Map();
/** @type {Set<number>} namespaces that the user leaves or deletes */
const expected = new Set();

/** The user leaves or deletes this namespace: there is nothing to tell when it is gone. @param {number} id */
export function expectLoss(id) {
  expected.add(id);
}

/** Leave what can't be read any more as soon as the list of namespaces says so. */
export function watchAccess() {
  namespaces.subscribe(() => {
    if (!namespaces.isLoaded) return;
    const lost = [...known].filter(([id]) => !namespaces.get(id));
    known = new Map(namespaces.items.map(({ id, name }) => [id, name]));
    if (lost.length) leave(lost);
  });
}

/** @param {[number, string][]} lost */
function leave(lost) {
  // What was announced may have named what is lost.
  announce("");
  const opened = lost.find(([id]) => id === router.route.namespaceId);
  const name = opened?.[1] ?? "";
  if (opened && !expected.has(opened[0])) notices.show(`You no longer have access to “${name}”.`);
  for (const [id] of lost) expected.delete(id);
  if (opened) router.go({ view: "start" }, { replace: true });
  else closeReader();
}

/** Close the reader if its document can't be read any more. */
async function closeReader() {
  const { reader } = router.route;
  if (!reader || !("docId" in reader)) return;
  try {
    await call("GET", `/api/documents/${reader.docId}`);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404 || router.route.reader !== reader) return;
    notices.show("You no longer have access to this document.");
    router.go({ ...router.route, reader: null }, { replace: true });
  }
}
