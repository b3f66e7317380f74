// Signing in, registering, signing out.

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
    lead: "The first account of a new Luma becomes its administrator.",
    button: "Create account",
    name: "User name",
    otherText: "You have an account?",
    other: "Sign in",
    password: "new-password",
  },
};

// Why a sign-in by the OpenID provider failed, by the name that the server sends the browser back with.
const REFUSALS = {
  cancelled: "The provider did not let you in. Try again, or sign in with your password.",
  stale: "That sign-in was begun too long ago or in another window. Begin it again.",
  refused: "What the provider said of you can't be relied on. Try again; if that stays, tell whoever runs Luma here.",
  "no-account": "The provider knows you, but you have no account here that belongs to it. Ask an administrator for one.",
  disabled: "Your account is disabled. Ask an administrator to enable it.",
  unavailable: "The provider can't be asked right now. Try again soon, or sign in with your password.",
};

let mode = "login";
let provider = null; // what the OpenID provider is called
let canRegister = true;
let refusal = null;
let signedIn = () => {};

/** Wire the form up; `listener(user)` is called whenever somebody has signed in. */
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
      showWays();
    },
    () => {}, // The password is still there.
  );
}

/** Show the form; `lead` replaces the line below the heading. */
export function show(wanted = "login", lead = MODES[wanted].lead) {
  mode = wanted;
  const words = MODES[mode];
  const form = byId("account-form");
  byId("account-heading").textContent = words.heading;
  byId("account-lead").textContent = lead;
  byId("account-email").hidden = mode === "login";
  byId("account-other-text").textContent = words.otherText;
  byId("account-other").textContent = words.other;
  byId("account-error").textContent = refusal ?? "";
  byId("account-error").hidden = refusal === null;
  refusal = null;
  showWays();
  form.elements.username.labels[0].firstChild.textContent = words.name;
  form.elements.password.autocomplete = words.password;
  form.querySelector("button[type=submit]").textContent = words.button;
  byId("account").hidden = false;
  byId("app").hidden = true;
  document.title = `${words.heading} · Luma`;
  form.elements.username.focus();
}

function showWays() {
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

/** End the session and start afresh, so that nothing of it stays on the screen or in memory. */
export async function signOut() {
  await call("POST", "/api/auth/logout");
  sessionStorage.clear();
  location.assign("/");
}
