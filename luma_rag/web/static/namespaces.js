// The list of namespaces, and the forms to create, edit and delete one.

import { call, listAll } from "./api.js";
import { showForm } from "./dialog.js";
import { byId, count, el } from "./dom.js";
import { hashOf } from "./route.js";

/** Access levels in a namespace. */
export const WRITE = 2;
export const ADMIN = 3;

/** All namespaces that the user can read. */
export const load = () => listAll("/api/namespaces");

/** Render the list in the sidebar. */
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
    hint: "Everyone with an account can read it and ask questions.",
  },
];

const bodyOf = ({ name, description, is_public }) => ({ name, description: description || null, is_public });

/** Show the form for a new namespace, then call `done(namespace)`. */
export function create(done) {
  showForm({
    heading: "New namespace",
    text: "A namespace groups related documents. Each question is answered from one namespace.",
    fields: fields(),
    action: "Create",
    submit: async (values) => done(await call("POST", "/api/namespaces", bodyOf(values))),
  });
}

/** Show the form for the name, description and visibility, then call `done()`. */
export function edit(namespace, done) {
  showForm({
    heading: "Edit namespace",
    fields: fields(namespace),
    action: "Save",
    submit: async (values) => {
      await call("PATCH", `/api/namespaces/${namespace.id}`, bodyOf(values));
      await done();
    },
  });
}

/** Confirm the deletion, then call `done()`. */
export function remove(namespace, done) {
  showForm({
    heading: `Delete “${namespace.name}”?`,
    text: "This also deletes its chats, for all users. The documents remain with their owners.",
    action: "Delete namespace",
    danger: true,
    submit: async () => {
      await call("DELETE", `/api/namespaces/${namespace.id}`);
      await done();
    },
  });
}
