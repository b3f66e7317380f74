// Actions for which the server wants a recent password.

import { call, Problem } from "../core/api.js";
import { session } from "../stores/session.js";

const PASSWORD = { name: "password", label: "Password", type: /** @type {const} */ ("password"), required: true, autocomplete: "current-password" };
const CODE = { name: "code", label: "Code", required: true, autocomplete: "one-time-code", hint: "From your authenticator app, or a recovery code." };

/**
 * Run an action. If the server demands the password, ask for it and run the action again.
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T>} rejects with a Problem, also if the user doesn't enter the password
 */
export async function withPassword(action) {
  try {
    return await action();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== "reauthentication_required") throw problem;
  }
  if (!(await isConfirmed())) throw new Problem({ detail: "Nothing was changed, since your password was not entered." });
  return action();
}

/** Ask for the password. Whether it was right; false if the user canceled. */
async function isConfirmed() {
  const { showForm } = await import("./form-dialog.js");
  const [account] = await Promise.all([call("GET", "/api/auth/account"), session.loadOptions()]);
  const { openid, has_passwords: hasPasswords } = session.options;
  if (!hasPasswords) {
    const again = () => location.assign("/api/auth/openid?reauthenticate=true");
    await showForm({ heading: "Sign in again", text: `This needs a recent sign-in with ${openid}. Then start again here.`, action: `Sign in with ${openid}`, submit: again });
    return false;
  }
  let isRight = false;
  await showForm({
    heading: "Enter your password",
    text: "This is a sensitive change, so Luma makes sure that it is you.",
    fields: account.has_second_factor ? [PASSWORD, CODE] : [PASSWORD],
    action: "Continue",
    submit: async ({ password, code = null }) => {
      await call("POST", "/api/auth/reauthenticate", { password, code });
      isRight = true;
    },
  });
  return isRight;
}
