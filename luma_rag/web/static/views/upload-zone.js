// The whole main zone as a target for files that are dropped: on a namespace, or on the start for a new one.

import { icon } from "../core/icon.js";
import { router } from "../core/router.js";
import { View } from "../core/view.js";
import { namespaces, WRITE } from "../stores/namespaces.js";
import { notices } from "../stores/notices.js";
import { uploads } from "../stores/uploads.js";
import { html, nothing } from "../vendor/lit/lit.js";
import { filesOf } from "./upload-drop.js";

class UploadZone extends View {
  static properties = { target: { state: true } };

  constructor() {
    super();
    /** @type {{id: number | null, text: string} | null} where dragged files would go; null while nothing is dragged */
    this.target = null;
  }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("dragover", this.#onDragOver);
    document.addEventListener("dragleave", this.#onDragLeave);
    document.addEventListener("drop", this.#onDrop);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("dragover", this.#onDragOver);
    document.removeEventListener("dragleave", this.#onDragLeave);
    document.removeEventListener("drop", this.#onDrop);
  }

  render() {
    if (!this.target) return nothing;
    return html`<div class="upload-zone" role="status"><p>${icon("upload")}<span dir="auto">${this.target.text}</span></p></div>`;
  }

  #onDragOver = async (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files") || !acceptsFiles()) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    if (!this.target) this.target = await targetOf();
  };

  #onDragLeave = (/** @type {DragEvent} */ event) => {
    if (event.relatedTarget === null) this.target = null;
  };

  #onDrop = async (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files") || !acceptsFiles()) return;
    event.preventDefault();
    this.target = null;
    const [files, target] = await Promise.all([filesOf(event.dataTransfer), targetOf()]);
    if (!target) return;
    try {
      await (target.id === null ? startWith(files) : uploads.add(files, target.id));
    } catch (problem) {
      notices.showError(problem);
    }
  };
}

customElements.define("luma-upload-zone", UploadZone);

/**
 * Make a namespace from files, and open it.
 * @param {import("../stores/uploads.js").Given[]} files
 */
export async function startWith(files) {
  const namespace = await uploads.addToNew(files);
  if (namespace) router.go({ view: "namespace", namespaceId: namespace.id });
}

const acceptsFiles = () => ["start", "namespace", "chat"].includes(router.route.view) && !document.querySelector("dialog[open]");

/** Where files go that are dropped now; null if the user may add none here. */
async function targetOf() {
  const { view, namespaceId } = router.route;
  if (view === "start") return { id: null, text: "Drop to make a namespace of these files" };
  const namespace = namespaces.get(view === "chat" ? await namespaceOfChat() : namespaceId);
  if (!namespace || namespace.auth_level < WRITE) return null;
  return { id: namespace.id, text: `Drop to add to “${namespace.name}”` };
}

async function namespaceOfChat() {
  const { conversation } = await import("../stores/conversation.js");
  return conversation.namespaceId;
}
