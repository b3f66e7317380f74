// A labeled field with its error, and the errors of a form.

import { Problem } from "../core/api.js";
import { sentence } from "../core/format.js";
import { html, ifDefined, nothing } from "../vendor/lit/lit.js";

/**
 * @typedef {object} FieldOptions
 * @property {string} name
 * @property {string} label
 * @property {string} [type]
 * @property {string} [value]
 * @property {any} [autocomplete]
 * @property {string} [hint]
 * @property {string} [missing] the message if the field is empty; without it, the field may be empty
 */

/**
 * @param {FieldOptions} options
 * @param {Problem | null} problem the errors of the form
 */
export function field({ name, label, type = "text", value = "", autocomplete = "off", hint }, problem) {
  const error = problem?.errors.find((each) => each.field === name)?.message;
  const id = `field-${name}`;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  return html`<label>${label}
    <input name=${name} type=${/** @type {any} */ (type)} .value=${value} dir=${type === "password" ? "ltr" : "auto"} autocomplete=${autocomplete} autocapitalize="none"
      spellcheck="false" aria-invalid=${ifDefined(error ? "true" : undefined)} aria-describedby=${ifDefined(described)}>
    ${hint ? html`<span id="${id}-hint" class="muted">${hint}</span>` : nothing}
    ${error ? html`<span id="${id}-error" class="error">${sentence(error)}</span>` : nothing}
  </label>`;
}

/**
 * What is wrong with a form apart from single fields; nothing if each error stands at its field.
 * @param {Problem | null} problem
 * @param {readonly FieldOptions[]} fields
 */
export function formError(problem, fields) {
  if (!problem) return nothing;
  const others = problem.errors.filter((error) => !fields.some(({ name }) => name === error.field));
  if (problem.errors.length && !others.length) return nothing;
  const text = others.length ? others.map(({ message }) => sentence(message)).join(" ") : problem.message;
  return html`<p id="account-error" class="error" role="alert">${text}</p>`;
}

/**
 * The problem of required fields that are empty, or null.
 * @param {Record<string, string>} values
 * @param {readonly FieldOptions[]} fields
 */
export function emptyFields(values, fields) {
  const errors = fields.flatMap(({ name, missing }) => (missing && !values[name]?.trim() ? [{ field: name, message: missing }] : []));
  return errors.length ? new Problem({ errors }) : null;
}

/**
 * Put the focus on the first field with an error, or on the last field of the form.
 * @param {HTMLElement} form
 */
export function focusError(form) {
  const inputs = [...form.querySelectorAll("input")];
  /** @type {HTMLElement | undefined} */ (inputs.find((input) => input.ariaInvalid === "true") ?? inputs.at(-1))?.focus();
}

/** @param {SubmitEvent} event @returns {Record<string, string>} */
export function valuesOf(event) {
  event.preventDefault();
  return /** @type {any} */ (Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target))));
}
