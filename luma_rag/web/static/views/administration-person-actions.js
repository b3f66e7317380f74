// What administrators can do to an account.

import { call, Problem } from "../core/api.js";
import { count } from "../core/format.js";
import { notices } from "../stores/notices.js";
import { people } from "../stores/people.js";
import { session } from "../stores/session.js";
import { withPassword } from "./account-with-password.js";
import { showPersonAccess } from "./administration-person-access.js";
import { showForm } from "./form-dialog.js";

/** @import { Person } from "../stores/people.js" */

const ROLES = [
  { value: "user", label: "User" },
  { value: "admin", label: "Administrator" },
];
const TEMPORARY = {
  name: "password",
  label: "Temporary password",
  required: true,
  hint: "At least 10 characters. It has to be changed at the first sign-in.",
};

/** Show the form for a new account. */
export function create() {
  showForm({
    heading: "New account",
    fields: [
      { name: "username", label: "User name", required: true, maxLength: 50 },
      { name: "email", label: "E-mail", type: "email", required: true },
      TEMPORARY,
      { name: "role", label: "Role", type: "select", options: ROLES, value: "user" },
    ],
    action: "Create account",
    submit: (values) => withPassword(() => people.create(/** @type {any} */ (values))),
  });
}

/**
 * The items of the menu of an account.
 * @param {Person} person
 */
export function actionsFor(person) {
  const isSelf = person.id === session.user?.id;
  const isAdmin = person.role === "admin";
  return [
    { label: isAdmin ? "Make a user" : "Make an administrator", icon: "shield", run: () => changeRole(person) },
    { label: "Reset password", icon: "lock", run: () => resetPassword(person) },
    person.has_second_factor && { label: "Remove second factor", icon: "lock", run: () => removeSecondFactor(person) },
    { label: "Sessions and tokens", icon: "keyboard", run: () => showPersonAccess(person) },
    !isSelf && { label: person.is_disabled ? "Enable" : "Disable", icon: person.is_disabled ? "check" : "close", run: () => setDisabled(person) },
    !isSelf && { label: "Remove", icon: "trash", isDangerous: true, run: () => remove(person) },
  ];
}

/** @param {Person} person */
function changeRole({ id, username, role }) {
  const [next, heading, text] =
    role === "admin"
      ? ["user", `Make ${username} a user?`, "They will only see what is theirs, shared with them, or public."]
      : ["admin", `Make ${username} an administrator?`, "They will be able to read everything except chats, and to manage all accounts."];
  showForm({
    heading,
    text,
    action: role === "admin" ? "Make a user" : "Make an administrator",
    submit: async () => {
      await withPassword(() => people.change(id, { role: next }));
      if (id === session.user?.id) await session.refresh();
    },
  });
}

/** @param {Person} person */
function resetPassword({ id, username }) {
  showForm({
    heading: `Reset the password of ${username}?`,
    text: "Their sessions and access tokens end. Give them the new password yourself.",
    fields: [TEMPORARY],
    action: "Reset password",
    submit: async ({ password }) => {
      await withPassword(() => people.change(id, { password }));
      notices.show(`The password of ${username} is reset.`);
    },
  });
}

/** @param {Person} person */
function removeSecondFactor({ id, username }) {
  showForm({
    heading: `Remove the second factor of ${username}?`,
    text: "Do this only if they have lost it, and you are sure that it is them.",
    action: "Remove second factor",
    isDangerous: true,
    submit: () => withPassword(() => people.removeSecondFactor(id)),
  });
}

/** @param {Person} person */
function setDisabled({ id, username, is_disabled: isDisabled }) {
  showForm({
    heading: `${isDisabled ? "Enable" : "Disable"} the account of ${username}?`,
    text: isDisabled
      ? "They can sign in again, and their access tokens work again."
      : "Their sessions end, and their access tokens stop working. What they own stays.",
    action: isDisabled ? "Enable" : "Disable",
    isDangerous: !isDisabled,
    submit: () => withPassword(() => people.change(id, { is_disabled: !isDisabled })),
  });
}

/** @param {Person} person */
function remove({ id, username, namespaces, documents }) {
  const isOwner = namespaces + documents > 0;
  const owned = [namespaces && count(namespaces, "namespace"), documents && count(documents, "document")].filter(Boolean).join(" and ");
  showForm({
    heading: `Remove ${username}?`,
    text: `The account and its chats are deleted for good.${isOwner ? ` It owns ${owned}.` : ""}`,
    fields: isOwner
      ? [
          {
            name: "contents",
            label: "What it owns",
            type: "select",
            options: [
              { value: "hand-over", label: "Hand over to somebody else" },
              { value: "remove", label: "Delete as well" },
            ],
          },
          { name: "hand_to", label: "User name of the new owner", hint: "Only if you hand it over." },
        ]
      : [],
    action: "Remove account",
    isDangerous: true,
    submit: async ({ contents, hand_to: name }) => {
      const target = !isOwner ? null : contents === "remove" ? "remove" : await idOf(name);
      await withPassword(() => people.remove(id, target));
      // After the dialog has closed: the menu that it would return to is gone.
      setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector(".people"))?.focus());
    },
  });
}

/** @param {string} username @returns {Promise<number>} */
async function idOf(username) {
  const wrong = (/** @type {string} */ message) => new Problem({ errors: [{ field: "hand_to", message }] });
  if (!username) throw wrong("Enter who gets it.");
  try {
    return (await call("GET", `/api/users/lookup?username=${encodeURIComponent(username)}`)).id;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) throw wrong("Nobody has this user name.");
    throw problem;
  }
}
