// Administration: how the parts of the service are.

import { count, number, size } from "../core/format.js";
import { icon } from "../core/icon.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { system } from "../stores/system.js";
import { html, nothing } from "../vendor/lit/lit.js";

/** @import { SystemState } from "../stores/system.js" */
/** @typedef {{name: string, level: "ok" | "warning" | "failed" | "off", state: string, text: string}} Health */

const LITTLE_SPACE = 2e9;
const LONG_WAIT_SECONDS = 600;

class AdminHealth extends View {
  constructor() {
    super();
    this.watch(system);
  }

  connectedCallback() {
    super.connectedCallback();
    load();
  }

  render() {
    if (!system.state) return nothing;
    return html`
      <div class="toolbar">
        <p class="muted">Luma ${system.state.version}</p>
        <button type="button" id="refresh-health" class="small" @click=${load}>${icon("again")}Refresh</button>
      </div>
      <ul class="rows" aria-label="Health">
        ${healthOf(system.state).map(
          ({ name, level, state, text }) => html`<li class="row" data-part=${name}>
            <div><h2 class="row-name">${name}</h2><p class="muted">${text}</p></div>
            <span class="state is-${level}">${state}</span>
          </li>`,
        )}
      </ul>
    `;
  }
}

const load = () => system.load().catch((error) => notices.showError(error));

/** @param {SystemState} state @returns {Health[]} */
const healthOf = (state) => [database(state), storage(state), queue(state), workers(state), model(state)];

/** @param {string} name @param {string} problem @returns {Health} */
const unreadable = (name, problem) => ({ name, level: "failed", state: "Not available", text: problem });

/** @param {SystemState} state @returns {Health} */
function database({ database: { problem, revision, head, bytes } }) {
  const name = "Database";
  if (problem) return unreadable(name, problem);
  const used = `${size(bytes ?? 0)} in use.`;
  if (revision !== head) return { name, level: "warning", state: "Outdated", text: `It is not at the version of this server. ${used}` };
  return { name, level: "ok", state: "Fine", text: used };
}

/** @param {SystemState} state @returns {Health} */
function storage({ storage: { problem, files, bytes, free_bytes: free } }) {
  const name = "Storage";
  if (problem) return unreadable(name, problem);
  const text = `${count(files ?? 0, "file")} with ${size(bytes ?? 0)}. ${free === null ? "" : `${size(free)} are free.`}`;
  if (free !== null && free < LITTLE_SPACE) return { name, level: "warning", state: "Nearly full", text };
  return { name, level: "ok", state: "Fine", text };
}

/** @param {SystemState} state @returns {Health} */
function queue({ queue: { problem, queued, running, failed, oldest_queued_seconds: oldest } }) {
  const name = "Documents to read";
  if (problem) return unreadable(name, problem);
  const parts = [`${number(queued ?? 0)} waiting`, `${number(running ?? 0)} being read`, `${number(failed ?? 0)} failed`];
  const text = `${parts.join(", ")}.${oldest === null ? "" : ` The oldest has waited for ${waited(oldest)}.`}`;
  if ((oldest ?? 0) > LONG_WAIT_SECONDS) return { name, level: "warning", state: "Behind", text };
  return { name, level: "ok", state: queued || running ? "Busy" : "Idle", text };
}

/** @param {number} seconds */
const waited = (seconds) => (seconds < 60 ? "less than a minute" : count(Math.round(seconds / 60), "minute"));

/** @param {SystemState} state @returns {Health} */
function workers({ workers: { problem, items } }) {
  const name = "Workers";
  if (problem) return unreadable(name, problem);
  const busy = items.filter(({ doc_id: docId }) => docId !== null).length;
  if (!items.length) return { name, level: "failed", state: "None", text: "Documents are not read until a worker runs." };
  const hosts = [...new Set(items.map(({ host }) => host))].filter((host) => host !== null).sort();
  const where = hosts.length > 1 ? ` On ${hosts.join(", ")}.` : "";
  return { name, level: "ok", state: "Fine", text: `${count(items.length, "worker")}, ${number(busy)} busy.${where}` };
}

/** @param {SystemState} state @returns {Health} */
function model({ llm }) {
  const name = "Answers";
  if (!llm.configured) return { name, level: "off", state: "Quotes only", text: "Answers are quotes of the documents. See Models." };
  return { name, level: "ok", state: "Configured", text: `Written by ${llm.model ?? "a language model"}. Test it under Models.` };
}

customElements.define("luma-admin-health", AdminHealth);
