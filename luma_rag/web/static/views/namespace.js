// The page of a namespace, or of a chat in it: chat, documents, people.

import { count } from "../core/format.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { chats } from "../stores/chats.js";
import { conversation } from "../stores/conversation.js";
import { events } from "../stores/events.js";
import { MANAGE, namespaces, READ, WRITE } from "../stores/namespaces.js";
import { readiness } from "../stores/readiness.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./conversation.js";

const LEVELS = { [READ]: "Reader", [WRITE]: "Contributor", [MANAGE]: "Manager" };
const TABS = /** @type {const} */ ([
  ["chat", "Chat"],
  ["documents", "Documents"],
  ["people", "People"],
]);

/** The tabs that are loaded when they are wanted. */
const LOADS = { documents: () => import("./documents.js"), people: () => import("./people.js") };

class NamespaceView extends View {
  #end = () => {};

  constructor() {
    super();
    this.watch(router, namespaces, chats, conversation);
  }

  connectedCallback() {
    super.connectedCallback();
    this.#end = router.subscribe(() => this.#open());
    this.#open();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#end();
    events.follow(null);
  }

  /** Open what the address names. */
  #open() {
    const { view, namespaceId, tab, chatId, branch, reader } = router.route;
    if (view === "chat" && chatId !== null) {
      conversation.open(chatId, branch, reader && "messageId" in reader ? reader.messageId : branch);
    } else if (view === "namespace" && namespaceId !== null && tab === "chat") {
      conversation.openNew(namespaceId);
    }
  }

  render() {
    const { view, tab } = router.route;
    const isChat = view === "chat" || tab === "chat";
    const id = view === "chat" ? conversation.namespaceId : router.route.namespaceId;
    if (view === "chat" && conversation.problem) return this.#problem("chat", conversation.problem);
    const namespace = view === "chat" && !conversation.isLoaded ? null : namespaces.get(id);
    if (view === "namespace" && namespaces.isLoaded && !namespace) return this.#problem("namespace");
    if (namespace) {
      events.follow(namespace.id);
      readiness.open(namespace.id);
    }
    document.title = [isChat && this.#title, namespace?.name, "Luma"].filter(Boolean).join(" · ");
    return html`<div class="namespace">
      ${this.#header(namespace, isChat ? "chat" : tab)}
      ${isChat ? html`<luma-conversation></luma-conversation>` : this.#tab(tab, namespace)}
    </div>`;
  }

  /** The title of the open chat. The list of chats follows its changes; a chat need not be in it. */
  get #title() {
    return (chats.get(conversation.chatId) ?? conversation.chat)?.title ?? "";
  }

  /** @param {import("../stores/namespaces.js").Namespace | null} namespace @param {string} open */
  #header(namespace, open) {
    const { view, chatId } = router.route;
    if (!namespace) return html`<header class="namespace-header"><h1 dir="auto">${this.#title}</h1></header>`;
    return html`<header class="namespace-header">
      <h1 dir="auto" title=${namespace.description ?? ""}>${namespace.name}</h1>
      <span class="badge">${LEVELS[namespace.auth_level]}</span>
      ${namespace.is_public ? html`<span class="badge">Public</span>` : nothing}
      <nav class="tabs" aria-label="Namespace">
        ${TABS.map(([tab, label]) => {
          const isOpen = tab === open;
          const route = isOpen && view === "chat" ? { view, chatId } : /** @type {const} */ ({ view: "namespace", namespaceId: namespace.id, tab });
          return html`<a class="tab" href=${pathOf(route)} aria-current=${isOpen ? "page" : "false"}>
            ${label}${tab === "documents" && namespace.documents ? html`<span class="tab-count" aria-label=${count(namespace.documents, "document")}>${namespace.documents}</span>` : nothing}
          </a>`;
        })}
      </nav>
    </header>`;
  }

  /** @param {"documents" | "people"} tab */
  #tab(tab, namespace) {
    LOADS[tab]();
    const element = tab === "documents" ? html`<luma-documents .namespace=${namespace}></luma-documents>` : html`<luma-people .namespace=${namespace}></luma-people>`;
    return html`<div class="namespace-tab">${namespace ? element : nothing}</div>`;
  }

  /** @param {string} what @param {import("../core/api.js").Problem} [problem] */
  #problem(what, problem) {
    import("./not-found.js");
    if (!problem || problem.status === 404) return html`<luma-not-found .what=${what}></luma-not-found>`;
    const again = () => this.#again();
    return html`<div class="empty-state"><p class="error" role="alert">${problem.message}</p><button type="button" @click=${again}>Try again</button></div>`;
  }

  #again() {
    conversation.close();
    this.#open();
  }
}

customElements.define("luma-namespace", NamespaceView);
