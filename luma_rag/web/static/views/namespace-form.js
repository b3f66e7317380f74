// The forms to create, edit, delete and leave a namespace.

import { call } from "../core/api.js";
import { router } from "../core/router.js";
import { expectLoss } from "../stores/lost-access.js";
import { leave } from "../stores/members.js";
import { namespaces } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { showForm } from "./form-dialog.js";

/** @import { Namespace } from "../stores/namespaces.js" */

const MAX_NAME = 255;

/** @param {Partial<Namespace>} namespace @returns {import("./form-dialog.js").Field[]} */
const fields = (namespace = {}) => [
  { name: "name", label: "Name", value: namespace.name, required: true, maxLength: MAX_NAME },
  { name: "description", label: "Description (optional)", type: "textarea", value: namespace.description ?? "" },
  {
    name: "is_public",
    label: "Public",
    type: "checkbox",
    value: namespace.is_public,
    hint: "Everyone with an account can read it and ask questions.",
  },
];

/** @param {Record<string, any>} values */
const bodyOf = ({ name, description, is_public }) => ({ name, description: description || null, is_public });

/** Create a namespace and open its documents. */
export function createNamespace() {
  showForm({
    heading: "New namespace",
    text: "A namespace groups documents that belong together. Each chat is answered from one namespace.",
    fields: fields(),
    action: "Create",
    submit: async (values) => {
      const namespace = await namespaces.create(/** @type {any} */ (bodyOf(values)));
      router.go({ view: "namespace", namespaceId: namespace.id, tab: "documents" });
    },
  });
}

/** Change name, description and visibility. @param {Namespace} namespace */
export function editNamespace(namespace) {
  showForm({
    heading: "Edit namespace",
    fields: fields(namespace),
    action: "Save",
    submit: (values) => namespaces.change(namespace.id, bodyOf(values)),
  });
}

/** @param {Namespace} namespace */
export function deleteNamespace(namespace) {
  showForm({
    heading: `Delete “${namespace.name}”?`,
    text: "Its chats are deleted too, for everybody. The documents stay with the people who own them.",
    action: "Delete namespace",
    isDangerous: true,
    submit: async () => {
      await call("DELETE", `/api/namespaces/${namespace.id}`);
      await afterLoss(namespace, `“${namespace.name}” is deleted.`);
    },
  });
}

/** @param {Namespace} namespace */
export function leaveNamespace(namespace) {
  const rest = namespace.is_public ? "It is public: you can still read it." : "Only somebody who manages it can let you in again.";
  showForm({
    heading: `Leave “${namespace.name}”?`,
    text: `You give up your access. ${rest} Your chats stay, and you can't ask in them any more.`,
    action: "Leave",
    isDangerous: true,
    submit: async () => {
      await leave(namespace.id);
      await afterLoss(namespace, `You have left “${namespace.name}”.`);
    },
  });
}

/** @param {Namespace} namespace @param {string} text */
async function afterLoss(namespace, text) {
  expectLoss(namespace.id);
  if (router.route.namespaceId === namespace.id) router.go({ view: "start" }, { replace: true });
  await namespaces.load();
  notices.show(text);
}
