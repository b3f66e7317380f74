// Sign-in, registration and sign-out.

import { call, Problem } from "./api.js";
import { messageOf } from "./dialog.js";
import { byId } from "./dom.js";

const MODES = {
  login: {
    heading: "Sign in",
    lead: "Ask questions about your own documents.",
    button: "Sign in",
    name: "User name or e-mail",
    otherText: "New here?",
    other: "Create an account",
    password: "current-password",
    fields: ["username", "password"],
  },
  register: {
    heading: "Create an account",
    lead: "The first account becomes the administrator.",
    button: "Create account",
    name: "User name",
    otherText: "Already have an account?",
    other: "Sign in",
    password: "new-password",
    fields: ["username", "email", "password"],
  },
  code: {
    heading: "Enter your code",
    lead: "Open your authenticator app, or use a recovery code.",
    button: "Sign in",
    fields: ["code"],
  },
  change_password: {
    heading: "Choose your password",
    lead: "An administrator set your current password.",
    passwordLabel: "Current password",
    button: "Change password",
    fields: ["password", "new"],
  },
  set_up_second_factor: {
    heading: "Set up a second factor",
    lead: "Administrators need one here.",
    button: "Confirm",
    fields: ["code"],
  },
};
const FIELDS = ["username", "email", "password", "new", "code"];

// Messages for failed OpenID sign-ins, by the reason code in the redirect.
const REFUSALS = {
  cancelled: "The provider denied the sign-in. Try again, or sign in with your password.",
  stale: "This sign-in attempt has expired or was started in another window. Start again.",
  refused: "The provider's response could not be verified. Try again. If the problem persists, contact your administrator.",
  "no-account": "No account is linked to this identity. Ask an administrator to create one.",
  disabled: "Your account is disabled. Contact an administrator.",
  unavailable: "The provider is unavailable. Try again later, or sign in with your password.",
};

let mode = "login";
let provider = null; // display name of the OpenID provider
let canRegister = true;
let hasPasswords = true;
let refusal = null;
let signedIn = () => {};

/** Set up the form. `listener(user)` is called after each sign-in. */
export function start(listener) {
  signedIn = listener;
  const form = byId("account-form");
  form.addEventListener("submit", submit);
  byId("account-other").addEventListener("click", () => show(mode === "login" ? "register" : "login"));
  const reason = new URLSearchParams(location.search).get("sign-in");
  if (reason !== null) {
    refusal = REFUSALS[reason] ?? null;
    history.replaceState(null, "", location.pathname + location.hash);
  }
  call("GET", "/api/auth/options").then(
    (options) => {
      provider = options.openid;
      canRegister = options.can_register;
      hasPasswords = options.has_passwords;
      showOptions();
    },
    () => {}, // Password sign-in still works.
  );
}

/** Show the form. `lead` replaces the line below the heading. */
export function show(wanted = "login", lead = MODES[wanted].lead) {
  mode = wanted;
  const labels = MODES[mode];
  const form = byId("account-form");
  byId("account-heading").textContent = labels.heading;
  byId("account-lead").textContent = lead;
  byId("account-other-text").textContent = labels.otherText ?? "";
  byId("account-other").textContent = labels.other ?? "";
  byId("account-error").textContent = refusal ?? "";
  byId("account-error").hidden = refusal === null;
  refusal = null;
  showOptions();
  form.elements.username.labels[0].firstChild.textContent = labels.name ?? "";
  form.elements.password.labels[0].firstChild.textContent = labels.passwordLabel ?? "Password";
  form.elements.password.autocomplete = labels.password ?? "current-password";
  form.querySelector("button[type=submit]").textContent = labels.button;
  byId("account").hidden = false;
  byId("app").hidden = true;
  document.title = `${labels.heading} · Luma`;
  // After the sign-in with a password to be changed, the form still has it.
  const fields = labels.fields.map((name) => form.elements[name]);
  (fields.find((field) => field.value === "") ?? fields[0])?.focus();
}

function showOptions() {
  const form = byId("account-form");
  const isUseless = mode === "login" && !hasPasswords;
  for (const name of FIELDS) {
    form.elements[name].labels[0].hidden = isUseless || !MODES[mode].fields.includes(name);
  }
  form.querySelector("button[type=submit]").hidden = isUseless;
  byId("account-other").parentElement.hidden = mode === "login" ? !canRegister : mode !== "register";
  byId("account-openid").textContent = `Sign in with ${provider}`;
  byId("account-openid").hidden = provider === null || mode !== "login";
}

/** Let a user in, unless there is something that they have to do first. */
export async function admit(user) {
  const { required_action: requiredAction } = await call("GET", "/api/auth/account");
  if (requiredAction === "set_up_second_factor") return showNewSecret();
  if (requiredAction !== null) return show(requiredAction);
  byId("account-form").reset();
  byId("account").hidden = true;
  return signedIn(user);
}

async function showNewSecret() {
  try {
    const { secret } = await call("POST", "/api/auth/totp");
    show("set_up_second_factor", `Add this key to an authenticator app, then enter its code: ${secret}`);
  } catch (problem) {
    // The session is too old for it. A new one is not.
    show("login", messageOf(problem));
  }
}

async function send({ username, email, password, new: chosen, code }) {
  if (mode === "change_password") {
    await call("POST", "/api/auth/password", { current: password, new: chosen });
  } else if (mode === "set_up_second_factor") {
    const { recovery_codes: codes } = await call("POST", "/api/auth/totp/confirm", { code });
    // The only time that they are shown, and they must be kept before anything else happens.
    alert(`Keep these recovery codes in a safe place:\n\n${codes.join("\n")}`);
  } else {
    if (mode === "register") await call("POST", "/api/auth/register", { username, email, password });
    return call("POST", "/api/auth/login", { username, password, code: mode === "code" ? code : null });
  }
  return call("GET", "/api/auth/me");
}

async function submit(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  byId("account-error").hidden = true;
  try {
    await admit(await send(Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]))));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // The name and the password stay in the form, and are sent again with the code.
    if (problem.code === "totp_required") return show("code");
    byId("account-error").textContent = messageOf(problem);
    byId("account-error").hidden = false;
    form.elements[MODES[mode].fields.at(-1)].focus();
  } finally {
    button.disabled = false;
  }
}

/** End the session and reload, so that none of its data stays on the screen or in memory. */
export async function signOut() {
  await call("POST", "/api/auth/logout");
  sessionStorage.clear();
  location.assign("/");
}
