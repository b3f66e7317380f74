// The list of namespaces, and making, changing and deleting one.

import { call, listAll } from "./api.js";
import { askFor } from "./dialog.js";
import { byId, count, el } from "./dom.js";
import { hashOf } from "./route.js";

/** Levels of access in a namespace. */
export const WRITE = 2;
export const ADMIN = 3;

/** All namespaces the person can read. */
export const load = () => listAll("/api/namespaces");

/** Fill the list in the sidebar. */
export function showList(namespaces, currentId) {
  byId("namespace-list").replaceChildren(
    ...namespaces.map((namespace) =>
      el(
        "li",
        { class: "entry" },
        el(
          "a",
          { href: hashOf({ namespaceId: namespace.id }), "aria-current": namespace.id === currentId && "page" },
          el("span", { class: "entry-name" }, namespace.name),
          el("span", { class: "entry-note", title: count(namespace.documents, "document") }, String(namespace.documents)),
        ),
      ),
    ),
  );
}

const fields = (namespace = {}) => [
  { name: "name", label: "Name", value: namespace.name, required: true },
  { name: "description", label: "Description (optional)", type: "textarea", value: namespace.description ?? "" },
  {
    name: "is_public",
    label: "Public",
    type: "checkbox",
    value: namespace.is_public,
    hint: "Everybody with an account here may read it and ask.",
  },
];

const bodyOf = ({ name, description, is_public }) => ({ name, description: description || null, is_public });

/** Ask for a new namespace; `done(namespace)` follows. */
export function create(done) {
  askFor({
    heading: "New namespace",
    text: "A namespace holds documents that belong together. A question is answered from one namespace.",
    fields: fields(),
    action: "Create",
    submit: async (values) => done(await call("POST", "/api/namespaces", bodyOf(values))),
  });
}

/** Ask for a new name, description and visibility; `done()` follows. */
export function edit(namespace, done) {
  askFor({
    heading: "Edit namespace",
    fields: fields(namespace),
    action: "Save",
    submit: async (values) => {
      await call("PATCH", `/api/namespaces/${namespace.id}`, bodyOf(values));
      await done();
    },
  });
}

/** Ask whether to delete; `done()` follows. */
export function remove(namespace, done) {
  askFor({
    heading: `Delete “${namespace.name}”?`,
    text: "Its chats are deleted with it, for everybody. The documents themselves stay with their owners.",
    action: "Delete namespace",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/namespaces/${namespace.id}`);
      await done();
    },
  });
}
