// An event of the audit trail as a sentence.

import { namespaces } from "../stores/namespaces.js";

/** @import { AuditEvent } from "../stores/audit.js" */

/** Placeholders come from the event's `about`; `{user}` is the user that the event concerns. */
export const SENTENCES = {
  "account.created": "created the account of {user}",
  "account.disabled": "disabled {user}",
  "account.enabled": "enabled {user}",
  "account.handed-over": "transferred what {user} owned",
  "account.removed": "removed the account of {user}",
  "account.role-changed": "changed the role of {user}",
  "document.deleted": "deleted {document}",
  "document.hidden": "made {document} private",
  "document.published": "made {document} public",
  "document.read": "read {document} as an administrator",
  "document.replaced": "stored a new version of {document}",
  "document.shared": "shared {document} with {user}",
  "document.unshared": "stopped sharing {document} with {user}",
  "document.uploaded": "uploaded {document}",
  "identity.linked": "linked an identity to the account of {user}",
  "member.removed": "removed {user} from {namespace}",
  "member.set": "made {user} a member of {namespace}",
  "namespace.created": "created {namespace}",
  "namespace.deleted": "deleted {namespace}",
  "namespace.document-added": "added {document} to {namespace}",
  "namespace.document-removed": "removed {document} from {namespace}",
  "namespace.hidden": "made {namespace} private",
  "namespace.published": "made {namespace} public",
  "namespace.read": "read {namespace} as an administrator",
  "password.changed": "changed their password",
  "password.reset": "reset the password of {user}",
  "recovery-code.used": "used a recovery code",
  "request.refused": "made a request that was refused",
  "second-factor.added": "added a second factor",
  "second-factor.removed": "removed the second factor of {user}",
  "session.ended": "ended a session",
  "session.reauthenticated": "confirmed their password",
  "session.reauthentication-failed": "failed to confirm their password",
  "sign-in.failed": "failed to sign in as {user}",
  "sign-in.succeeded": "signed in",
  "token.created": "created a token",
  "token.revoked": "revoked a token",
};
const IN_SENTENCE = ["user_id", "username", "user", "doc_id", "namespace_id"];
const LEVELS = { 1: "reader", 2: "contributor", 3: "manager" };

/** "created the account of {user}" → "Created the account of …", for the filter. @param {string} text */
export const labelOf = (text) => `${text[0].toUpperCase()}${text.slice(1)}`.replace(/\{\w+\}/g, "…");

/**
 * Who did it, and what: "shared document 12 with bob, permission read".
 * @param {AuditEvent} event
 */
export function sentenceOf({ action, actor, actor_id: actorId, about, address }) {
  // `about` names no user in events that concern the actor, or a failed sign-in.
  const user = about.username ?? about.user ?? numbered(about.user_id) ?? "somebody";
  const who = actor ?? numbered(actorId) ?? (address === null ? "The command line" : "Somebody");
  const words = (SENTENCES[/** @type {"token.created"} */ (action)] ?? action)
    .replace("{document}", () => `document ${about.doc_id ?? "?"}`)
    .replace("{namespace}", () => namespaceName(about.namespace_id))
    .replace("{user}", () => String(user));
  const rest = Object.entries(about).filter(([name]) => !IN_SENTENCE.includes(name));
  return { who, what: [words, ...rest.map(([name, value]) => detail(name, value))].join(", ") };
}

/** @param {number | null | undefined} userId */
const numbered = (userId) => (userId == null ? null : `user ${userId}`);

/** @param {number | undefined} id */
function namespaceName(id) {
  const namespace = namespaces.get(id ?? null);
  return namespace ? `“${namespace.name}”` : `namespace ${id ?? "?"}`;
}

/** @param {string} name @param {unknown} value */
function detail(name, value) {
  if (name === "auth_level" || name === "level") return `as ${LEVELS[/** @type {1} */ (value)] ?? value}`;
  if (name === "method") return value === "password" ? "with a password" : "with the sign-in provider";
  if (name === "role") return `as ${value === "admin" ? "administrator" : value}`;
  const shown = Array.isArray(value) ? value.join(" ") : value === true ? "yes" : value === false ? "no" : String(value);
  return `${name.replaceAll("_", " ")} ${shown}`;
}
