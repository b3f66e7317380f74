// The modal form dialog.

import { byId, el } from "./dom.js";

/**
 * Show a form. `fields` are `{name, label, value, type, required, maxLength, hint}` with type text (the default),
 * textarea or checkbox. If `submit(values)` throws, the dialog shows the error and stays open.
 */
export function showForm({ heading, text, fields = [], action, danger = false, submit }) {
  const dialog = byId("form-dialog");
  const error = el("p", { class: "error", role: "alert", hidden: true });
  const button = el("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "form-dialog-heading" }, heading),
    text && el("p", {}, text),
    fields.map(control),
    error,
    el(
      "div",
      { class: "modal-actions" },
      el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"),
      button,
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    try {
      await submit(valuesOf(form, fields));
      dialog.close();
    } catch (problem) {
      error.textContent = messageOf(problem);
      error.hidden = false;
      // The dialog would cover the sign-in form.
      if (problem.status === 401) dialog.close();
    } finally {
      button.disabled = false;
    }
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}

/** The message of a problem, including its field errors. */
export function messageOf(problem) {
  const fields = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`);
  return [problem.message, ...fields].join("\n");
}

function control({ name, label, value = "", type = "text", required = false, maxLength, hint }) {
  const note = hint && el("span", { class: "muted" }, hint);
  if (type === "checkbox") {
    return el("label", { class: "check" }, el("input", { name, type, checked: Boolean(value) }), el("span", {}, label, note));
  }
  const attributes = { name, required, maxLength, value, autocomplete: "off" };
  const input = type === "textarea" ? el("textarea", { ...attributes, rows: 3 }) : el("input", { ...attributes, type });
  return el("label", {}, label, input, note);
}

function valuesOf(form, fields) {
  return Object.fromEntries(
    fields.map(({ name, type }) => {
      const input = form.elements.namedItem(name);
      return [name, type === "checkbox" ? input.checked : input.value.trim()];
    }),
  );
}
