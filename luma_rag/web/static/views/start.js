// The start: at first a place to drop files on, later what the user works with.

import { ago, count, number } from "../core/format.js";
import { icon } from "../core/icon.js";
import { pathOf } from "../core/router.js";
import { View } from "../core/view.js";
import { chats } from "../stores/chats.js";
import { namespaces } from "../stores/namespaces.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import { createNamespace } from "./rail-namespaces.js";
import "./start-files.js";

const FEW_CHATS = 5;
const FEW_NAMESPACES = 12;

class Start extends View {
  constructor() {
    super();
    this.watch(chats, namespaces);
  }

  connectedCallback() {
    super.connectedCallback();
    document.title = "Luma";
  }

  render() {
    if (!namespaces.isLoaded) return nothing;
    return namespaces.items.length ? overview() : welcome();
  }
}

const welcome = () => html`
  <div class="start is-first">
    <h1>Ask your documents</h1>
    <p class="start-lead">Add some files. Luma reads them, answers your questions, and shows the page that each answer rests on.</p>
    <luma-start-files></luma-start-files>
    <p class="muted">or <button type="button" id="new-namespace" class="link" @click=${createNamespace}>begin with an empty namespace</button></p>
  </div>
`;

const overview = () => html`
  <div class="start">
    <h1>What do you want to know?</h1>
    <section aria-labelledby="start-namespaces">
      <h2 id="start-namespaces">Ask in</h2>
      <ul class="start-cards">
        ${repeat(namespaces.items.slice(0, FEW_NAMESPACES), ({ id }) => id, card)}
      </ul>
      ${namespaces.items.length > FEW_NAMESPACES
        ? html`<p class="muted">${number(namespaces.items.length - FEW_NAMESPACES)} more are in the list of namespaces.</p>`
        : nothing}
    </section>
    ${chats.query || !chats.isLoaded ? nothing : recent()}
    <luma-start-files isSmall></luma-start-files>
  </div>
`;

/** @param {import("../stores/namespaces.js").Namespace} namespace */
const card = ({ id, name, description, documents, is_public: isPublic }) => html`<li>
  <a class="start-card" href=${pathOf({ view: "namespace", namespaceId: id })}>
    <span class="start-card-name">${icon(isPublic ? "globe" : "folder")}<span dir="auto">${name}</span></span>
    ${description ? html`<span class="start-card-text muted" dir="auto">${description}</span>` : nothing}
    <span class="muted">${count(documents, "document")}</span>
  </a>
</li>`;

function recent() {
  const items = [...chats.pinned, ...chats.items].slice(0, FEW_CHATS);
  if (!items.length) return nothing;
  return html`<section aria-labelledby="start-chats">
    <h2 id="start-chats">Go on with</h2>
    <ul class="rows">
      ${repeat(
        items,
        ({ id }) => id,
        (chat) => html`<li><a class="row start-chat" href=${pathOf({ view: "chat", chatId: chat.id })}>
          ${icon(chat.pinned ? "pin" : "chat")}<span class="rail-name" dir="auto">${chat.title}</span>
          <span class="muted"><bdi>${namespaces.get(chat.namespace_id)?.name ?? ""}</bdi> · ${ago(chat.last_activity_at)}</span>
        </a></li>`,
      )}
    </ul>
  </section>`;
}

customElements.define("luma-start", Start);
