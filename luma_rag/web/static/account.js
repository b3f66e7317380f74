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
  },
  register: {
    heading: "Create an account",
    lead: "The first account becomes the administrator.",
    button: "Create account",
    name: "User name",
    otherText: "Already have an account?",
    other: "Sign in",
    password: "new-password",
  },
};

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
  byId("account-email").hidden = mode === "login";
  byId("account-other-text").textContent = labels.otherText;
  byId("account-other").textContent = labels.other;
  byId("account-error").textContent = refusal ?? "";
  byId("account-error").hidden = refusal === null;
  refusal = null;
  showOptions();
  form.elements.username.labels[0].firstChild.textContent = labels.name;
  form.elements.password.autocomplete = labels.password;
  form.querySelector("button[type=submit]").textContent = labels.button;
  byId("account").hidden = false;
  byId("app").hidden = true;
  document.title = `${labels.heading} · Luma`;
  form.elements.username.focus();
}

function showOptions() {
  byId("account-other").parentElement.hidden = mode === "login" && !canRegister;
  byId("account-openid").textContent = `Sign in with ${provider}`;
  byId("account-openid").hidden = provider === null || mode !== "login";
}

async function submit(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button[type=submit]");
  const [username, email, password] = ["username", "email", "password"].map((name) => form.elements[name].value);
  button.disabled = true;
  byId("account-error").hidden = true;
  try {
    if (mode === "register") await call("POST", "/api/auth/register", { username, email, password });
    const user = await call("POST", "/api/auth/login", { username, password });
    form.reset();
    byId("account").hidden = true;
    signedIn(user);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    byId("account-error").textContent = messageOf(problem);
    byId("account-error").hidden = false;
    form.elements.password.focus();
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
