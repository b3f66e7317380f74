// The reader: the document on which an answer rests, at the cited page, with the quotes marked.

import { announce } from "../core/announce.js";
import { pathOf, router } from "../core/router.js";
import { View } from "../core/view.js";
import { reader } from "../stores/reader.js";
import { readerFind } from "../stores/reader-find.js";
import { html, nothing } from "../vendor/lit/lit.js";
import "./reader-find.js";
import "./reader-header.js";
import "./reader-pdf.js";
import "./reader-text.js";

/** Where the reader lies over the other zones; as in shell.css. */
const OVERLAY = matchMedia("(max-width: 1000px)");

const EARLIER = "This was quoted from an earlier version of the document. The newest version is shown.";
const NOT_LOCATED = "This passage could not be located on the page.";

class ReaderView extends View {
  /** Where the focus was when the reader was opened, and the address of that link. */
  #origin = /** @type {{element: HTMLElement, href: string | null} | null} */ (null);
  #shown = "";
  #announced = "";

  constructor() {
    super();
    this.watch(router, reader, readerFind);
  }

  connectedCallback() {
    super.connectedCallback();
    reader.start();
    this.addEventListener("keydown", this.#onKey);
    OVERLAY.addEventListener("change", this.#hold);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.removeEventListener("keydown", this.#onKey);
    OVERLAY.removeEventListener("change", this.#hold);
    setInert(false);
    readerFind.close();
    reader.close();
    this.#returnFocus();
  }

  willUpdate() {
    const address = router.route.reader;
    const key = JSON.stringify([router.route.chatId, address]);
    if (!address || key === this.#shown) return;
    this.#shown = key;
    reader.open(address, router.route.chatId);
  }

  render() {
    const { state, reason } = reader;
    return html`
      <div class="reader-scrim" @click=${() => router.closeReader()}></div>
      <div class="reader">
        <luma-reader-header></luma-reader-header>
        ${readerFind.isOpen ? html`<luma-reader-find></luma-reader-find>` : nothing}
        ${reason && state === "text" ? html`<p class="reader-note" role="status">${reason}</p>` : nothing}
        ${reader.isOfEarlierVersion || reader.isQuoteMissing ? this.#keptQuote(reader.isOfEarlierVersion ? EARLIER : NOT_LOCATED) : nothing}
        <div class="reader-body">${this.#body()}</div>
      </div>
    `;
  }

  #body() {
    const { state, reason, progress } = reader;
    if (state === "pdf") return html`<luma-reader-pdf></luma-reader-pdf>`;
    if (state === "text") return html`<luma-reader-text></luma-reader-text>`;
    if (state === "loading") {
      return html`<div class="reader-loading"><progress max="1" .value=${progress} aria-label="Loading the document"></progress></div>`;
    }
    return html`<div class="reader-gone">${this.#keptQuote(reason ?? "")}</div>`;
  }

  /** What Luma kept of the cited passage. @param {string} sentence */
  #keptQuote(sentence) {
    const { citation } = reader;
    const place = [citation?.page ? `Page ${citation.page}` : null, citation?.heading].filter(Boolean).join(" · ");
    return html`
      <div class="reader-quote">
        <p role="status">${sentence}</p>
        ${citation
          ? html`<figure>
              <blockquote dir="auto">${citation.quote}</blockquote>
              ${place ? html`<figcaption class="muted" dir="auto">${place}</figcaption>` : nothing}
            </figure>`
          : nothing}
      </div>
    `;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    super.updated(changed);
    this.#moveFocus();
    this.#hold();
    if (reader.state === "loading" || this.#announced === this.#shown) return;
    this.#announced = this.#shown;
    const { citation, title } = reader;
    announce(citation?.page ? `${title}, page ${citation.page}` : title);
  }

  /** An address that is opened by a click takes the focus; one that the page begins with leaves it where it is. */
  #focused = "";
  async #moveFocus() {
    if (this.#focused === this.#shown) return;
    this.#focused = this.#shown;
    const active = /** @type {HTMLElement | null} */ (document.activeElement);
    const isElsewhere = active !== null && active !== document.body && !this.contains(active);
    if (isElsewhere) this.#origin = { element: active, href: active.getAttribute("href") };
    if (!isElsewhere && (!OVERLAY.matches || this.contains(active))) return;
    await this.find("luma-reader-header").updateComplete;
    this.find(".reader-title")?.focus({ preventScroll: true });
  }

  #returnFocus() {
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement !== null && !this.contains(activeElement)) return;
    const origin = this.#origin;
    // The list around the link may have been drawn anew.
    const again = origin?.href ? document.querySelector(`a[href="${CSS.escape(origin.href)}"]`) : null;
    const target = origin?.element.isConnected ? origin.element : (again ?? document.getElementById("main"));
    /** @type {HTMLElement | null} */ (target)?.focus({ preventScroll: true });
  }

  /** Over the other zones, the reader holds the focus. */
  #hold = () => setInert(OVERLAY.matches && this.isConnected);

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const isTyping = /** @type {HTMLElement} */ (event.target).matches("input, textarea");
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.key.toLowerCase() === "f" && (reader.file || reader.state === "text")) readerFind.open();
    else if (isTyping || isCommand || event.altKey || !reader.file) return;
    else if (event.key === "+" || event.key === "=") reader.setZoom(reader.scale * 1.2);
    else if (event.key === "-") reader.setZoom(reader.scale / 1.2);
    else if (event.key === "0") reader.setZoom("width");
    else return;
    event.preventDefault();
    if (readerFind.isOpen) this.querySelector("luma-reader-find")?.querySelector("input")?.select();
  };
}

/** @param {boolean} isInert */
function setInert(isInert) {
  for (const zone of document.querySelectorAll(".zone-main, .zone-rail")) zone.toggleAttribute("inert", isInert);
}

customElements.define("luma-reader", ReaderView);

/** The address of a citation beside what is open. @param {number} messageId @param {number} n */
export const citationPath = (messageId, n) => pathOf({ ...router.route, reader: { messageId, n } });
