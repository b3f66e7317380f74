// A modal form: heading, fields, one action. Errors stand at their fields.

import { Problem } from "../core/api.js";
import { sentence } from "../core/format.js";
import { View } from "../core/view.js";
import { html, ifDefined, nothing } from "../vendor/lit/lit.js";

/**
 * @typedef {object} Field
 * @property {string} name as in the request, so that errors find their field
 * @property {string} label
 * @property {"text" | "password" | "email" | "number" | "date" | "textarea" | "checkbox" | "select"} [type]
 * @property {any} [value]
 * @property {boolean} [required]
 * @property {number} [maxLength]
 * @property {string} [hint]
 * @property {string} [autocomplete]
 * @property {{value: string, label: string, hint?: string}[]} [options] of a select
 */

/**
 * @typedef {object} Form
 * @property {string} heading
 * @property {string} [text]
 * @property {Field[]} [fields]
 * @property {string} action the label of the button
 * @property {boolean} [isDangerous]
 * @property {(values: Record<string, any>) => Promise<unknown> | unknown} submit if it throws a Problem, the dialog shows it and stays open
 */

class FormDialog extends View {
  static properties = { form: { attribute: false }, problem: { state: true }, isBusy: { state: true } };

  constructor() {
    super();
    /** @type {Form | null} */
    this.form = null;
    /** @type {Problem | null} */
    this.problem = null;
    this.isBusy = false;
  }

  render() {
    const { form, problem } = this;
    if (!form) return nothing;
    const named = new Set((form.fields ?? []).map((field) => field.name));
    const atFields = problem?.errors.filter(({ field }) => named.has(field)) ?? [];
    const others = problem?.errors.filter(({ field }) => !named.has(field)) ?? [];
    return html`
      <dialog class="modal" aria-labelledby="form-dialog-heading" @close=${this.#onClose} @click=${this.#onClick}>
        <form novalidate @submit=${this.#submit}>
          <h2 id="form-dialog-heading" dir="auto">${form.heading}</h2>
          ${form.text ? html`<p dir="auto">${form.text}</p>` : nothing}
          ${(form.fields ?? []).map((field) => this.#field(field, atFields.find((error) => error.field === field.name)?.message))}
          ${problem && !atFields.length ? html`<p class="error" role="alert">${[problem.message, ...others.map((e) => e.message)].join(" ")}</p>` : nothing}
          <div class="modal-actions">
            <button type="button" class="quiet" @click=${() => this.find("dialog").close()}>Cancel</button>
            <button type="submit" class=${form.isDangerous ? "danger" : "primary"} ?disabled=${this.isBusy}>${form.action}</button>
          </div>
        </form>
      </dialog>
    `;
  }

  /** @param {Field} field @param {string | undefined} error */
  #field({ name, label, type = "text", value, required, maxLength, hint, autocomplete = "off", options = [] }, error) {
    const id = `form-dialog-${name}`;
    const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
    const invalid = error ? "true" : undefined;
    const notes = html`
      ${hint ? html`<span id="${id}-hint" class="muted">${hint}</span>` : nothing}
      ${error ? html`<span id="${id}-error" class="error">${sentence(error)}</span>` : nothing}
    `;
    if (type === "checkbox") {
      return html`<label class="check"><input name=${name} type="checkbox" .checked=${Boolean(value)} aria-describedby=${ifDefined(described)}><span>${label} ${notes}</span></label>`;
    }
    if (type === "textarea") {
      return html`<label>${label}<textarea name=${name} rows="3" dir="auto" .value=${value ?? ""} ?required=${required} aria-invalid=${ifDefined(invalid)} aria-describedby=${ifDefined(described)}></textarea>${notes}</label>`;
    }
    if (type === "select") {
      return html`<label>${label}<select name=${name} aria-describedby=${ifDefined(described)}>${options.map((option) => html`<option value=${option.value} ?selected=${option.value === value}>${option.label}</option>`)}</select>${notes}</label>`;
    }
    return html`<label>${label}<input name=${name} type=${type} dir="auto" .value=${value ?? ""} autocomplete=${/** @type {any} */ (autocomplete)} maxlength=${ifDefined(maxLength)} ?required=${required} aria-invalid=${ifDefined(invalid)} aria-describedby=${ifDefined(described)}>${notes}</label>`;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("form") && this.form) this.find("dialog").showModal();
    if (changed.has("problem") && this.problem) (this.find("[aria-invalid]") ?? this.find("[type=submit]")).focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const form = /** @type {Form} */ (this.form);
    const element = /** @type {HTMLFormElement} */ (event.target);
    const errors = (form.fields ?? [])
      .filter(({ name, required }) => required && !/** @type {any} */ (element.elements.namedItem(name))?.value.trim())
      .map(({ name, label }) => ({ field: name, message: `${label} is missing` }));
    this.problem = errors.length ? new Problem({ errors }) : null;
    if (errors.length) return;
    this.isBusy = true;
    try {
      await form.submit(valuesOf(element, form.fields ?? []));
      this.find("dialog")?.close();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    } finally {
      this.isBusy = false;
    }
  }

  #onClose() {
    this.dispatchEvent(new Event("closed"));
    this.remove();
  }

  /** A click beside the dialog closes it, unless something has been typed. @param {MouseEvent} event */
  #onClick(event) {
    const dialog = this.find("dialog");
    if (event.target === dialog && !this.form?.fields?.length) dialog.close();
  }
}

customElements.define("luma-form-dialog", FormDialog);

/**
 * Show a form in a dialog. The focus returns to where it was when the dialog closes.
 * @param {Form} form
 * @returns {Promise<void>} resolves when the dialog has closed, submitted or not
 */
export function showForm(form) {
  const dialog = /** @type {FormDialog} */ (document.createElement("luma-form-dialog"));
  dialog.form = form;
  document.body.append(dialog);
  return new Promise((resolve) => dialog.addEventListener("closed", () => resolve(), { once: true }));
}

/** @param {HTMLFormElement} form @param {Field[]} fields */
function valuesOf(form, fields) {
  return Object.fromEntries(
    fields.map(({ name, type }) => {
      const input = /** @type {any} */ (form.elements.namedItem(name));
      return [name, type === "checkbox" ? input.checked : type === "password" ? input.value : input.value.trim()];
    }),
  );
}
