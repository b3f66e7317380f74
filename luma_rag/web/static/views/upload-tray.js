// The tray of uploads, docked below the main zone, where it covers nothing.

import { count, number, size } from "../core/format.js";
import { icon, iconButton } from "../core/icon.js";
import { pathOf } from "../core/router.js";
import { View } from "../core/view.js";
import { namespaces } from "../stores/namespaces.js";
import { READABLE, uploads } from "../stores/uploads.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";

/** @import { Upload } from "../stores/uploads.js" */

const NAMED = 5;
const KINDS = new Intl.ListFormat("en", { type: "conjunction" }).format(Object.keys(READABLE));

class UploadTray extends View {
  static properties = { isOpen: { state: true } };

  constructor() {
    super();
    this.isOpen = false;
    this.watch(uploads, namespaces);
  }

  render() {
    const { items, leftOut, unsent } = uploads;
    if (!items.length && !leftOut.length && !unsent.length) return nothing;
    return html`<section class="upload-tray" aria-label="Uploads">
      ${unsent.map(({ namespaceId, names }) => this.#unsent(namespaceId, names))}
      ${leftOut.length ? html`<p class="tray-note">${icon("warning")}<span dir="auto">${leftOutText(leftOut)}</span></p>` : nothing}
      ${items.length ? this.#summary() : this.#dismiss()}
    </section>`;
  }

  #summary() {
    const { items, isActive, total } = uploads;
    const shown = this.isOpen ? items : items.filter(({ message }) => message);
    return html`
      <div class="tray-head">
        <div class="tray-total">
          <strong>${isActive ? `${number(total.sent)} of ${number(total.files)} sent` : endText(total)}</strong>
          <span class="muted">${isActive ? `${size(total.sentBytes)} of ${size(total.bytes)}` : nothing}</span>
        </div>
        ${total.failed > 1 && !isActive ? html`<button type="button" class="small retry-all" @click=${() => uploads.retry()}>Try all again</button>` : nothing}
        ${iconButton(this.isOpen ? "down" : "up", this.isOpen ? "Hide the files" : "Show the files", () => (this.isOpen = !this.isOpen), "icon small toggle-files")}
        ${isActive ? html`<button type="button" class="small quiet cancel-all" @click=${() => uploads.cancelAll()}>Cancel</button>` : this.#dismiss()}
      </div>
      ${isActive ? html`<progress max="1" .value=${total.sentBytes / Math.max(1, total.bytes)} aria-label="All uploads"></progress>` : nothing}
      ${shown.length
        ? html`<ul class="tray-files" tabindex="0" aria-label="Files">${repeat(shown, ({ key }) => key, (item) => this.#row(item))}</ul>`
        : nothing}
    `;
  }

  /** @param {Upload} item */
  #row(item) {
    const { file, path, state, message } = item;
    const isOpen = state === "waiting" || state === "sending";
    return html`<li class="tray-file is-${state}">
      <span class="tray-name" dir="auto" title=${path}>${file.name}</span>
      <span class="tray-state" dir="auto" title=${message || nothing}>${stateText(item)}</span>
      ${state === "failed" ? html`<button type="button" class="small quiet" aria-label="Try again: ${file.name}" @click=${() => uploads.retry(item)}>Try again</button>` : nothing}
      ${state === "sent" ? nothing : iconButton("close", isOpen ? `Cancel ${file.name}` : `Dismiss ${file.name}`, () => this.#remove(item), "icon small")}
    </li>`;
  }

  /** @param {number} namespaceId @param {string[]} names */
  #unsent(namespaceId, names) {
    const namespace = namespaces.get(namespaceId);
    const rest = names.length > NAMED ? ` and ${number(names.length - NAMED)} more` : "";
    const text = `${count(names.length, "file was", "files were")} not sent when you left: ${names.slice(0, NAMED).join(", ")}${rest}.`;
    return html`<p class="tray-note is-unsent">
      ${icon("warning")}<span dir="auto">${text}
      ${namespace ? html`<a href=${pathOf({ view: "namespace", namespaceId, tab: "documents" })} dir="auto">Add them again in ${namespace.name}</a>` : nothing}</span>
    </p>`;
  }

  #dismiss() {
    return iconButton("close", "Dismiss", () => this.#close(), "icon small tray-dismiss");
  }

  #close() {
    uploads.dismiss();
    document.getElementById("main")?.focus();
  }

  /** @param {Upload} item */
  #remove(item) {
    uploads.cancel(item);
    this.updateComplete.then(() => {
      const next = this.find(".tray-file button, .tray-head button") ?? document.getElementById("main");
      next?.focus();
    });
  }
}

customElements.define("luma-upload-tray", UploadTray);

/** @param {Upload} item */
function stateText({ state, share, message }) {
  if (message) return message;
  if (state === "sending") return share < 1 ? `${Math.round(share * 100)}\u202f%` : "Checking…";
  return state === "sent" ? "Sent" : "Waiting";
}

/** @param {{sent: number, failed: number, files: number}} total */
function endText({ sent, failed, files }) {
  if (!failed) return `${count(sent, "file")} sent`;
  return sent ? `${number(sent)} of ${count(files, "file")} sent, ${number(failed)} not` : `${count(failed, "file")} not sent`;
}

/** @param {string[]} paths */
function leftOutText(paths) {
  const rest = paths.length > NAMED ? ` and ${number(paths.length - NAMED)} more` : "";
  const verb = paths.length === 1 ? "was" : "were";
  return `${paths.slice(0, NAMED).join(", ")}${rest} ${verb} left out. Luma reads ${KINDS}.`;
}
