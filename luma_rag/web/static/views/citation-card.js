// The card over a citation: where it stands, and its words.

import { View } from "../core/view.js";
import { conversation } from "../stores/conversation.js";
import { html, nothing } from "../vendor/lit/lit.js";

const SHOW_MS = 180;
const HIDE_MS = 150;
const GAP = 8;

class CitationCard extends View {
  static properties = { citation: { state: true } };

  /** @type {HTMLElement | null} */
  #link = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  constructor() {
    super();
    /** @type {import("../stores/conversation.js").Citation | null} */
    this.citation = null;
  }

  render() {
    const { citation } = this;
    return html`
      <div id="citation-card" class="citation-card" role="tooltip" popover="manual" @pointerenter=${() => clearTimeout(this.#timer)} @pointerleave=${this.#hideSoon}>
        ${citation
          ? html`
              <p class="citation-title" dir="auto">${citation.title}</p>
              ${citation.page !== null || citation.heading
                ? html`<p class="citation-place" dir="auto">${[citation.page === null ? null : `Page ${citation.page}`, citation.heading].filter(Boolean).join(" · ")}</p>`
                : nothing}
              <p class="citation-quote" dir="auto">${citation.quote}</p>
              ${citation.is_of_earlier_version ? html`<p class="muted">This was said in an earlier version of the document.</p>` : nothing}
              ${citation.doc_id === null ? html`<p class="muted">This document was deleted. Its quote was kept.</p>` : nothing}
            `
          : nothing}
      </div>
    `;
  }

  connectedCallback() {
    super.connectedCallback();
    const root = /** @type {HTMLElement} */ (this.parentElement);
    root.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#showSoon(linkOf(event)));
    root.addEventListener("pointerout", (event) => linkOf(event) && this.#hideSoon());
    root.addEventListener("focusin", (event) => {
      const link = linkOf(event);
      if (link?.matches(":focus-visible")) this.#show(link);
      else this.hide();
    });
    root.addEventListener("focusout", (event) => linkOf(event) && this.hide());
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.citation) return;
      event.stopPropagation();
      this.hide();
    });
    root.addEventListener("scroll", () => this.hide(), { capture: true, passive: true });
    root.addEventListener("click", () => this.hide());
  }

  hide() {
    clearTimeout(this.#timer);
    if (!this.citation) return;
    this.#link?.removeAttribute("aria-describedby");
    this.find(".citation-card").hidePopover();
    this.citation = null;
  }

  /** @param {HTMLElement | null} link */
  #showSoon(link) {
    if (!link) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#show(link), SHOW_MS);
  }

  #hideSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hide(), HIDE_MS);
  }

  /** @param {HTMLElement} link */
  async #show(link) {
    clearTimeout(this.#timer);
    const owner = /** @type {any} */ (link.closest("luma-answer"));
    this.citation = owner && conversation.findCitation(owner.messageId, Number(link.dataset.n));
    if (!this.citation) return;
    this.#link = link;
    link.setAttribute("aria-describedby", "citation-card");
    await this.updateComplete;
    const card = this.find(".citation-card");
    card.showPopover();
    place(card, link);
  }
}

customElements.define("luma-citation-card", CitationCard);

/** @param {Event} event @returns {HTMLElement | null} */
const linkOf = (event) => /** @type {Element} */ (event.target).closest?.("a.cite, a.source") ?? null;

/** Above the citation, or below it where there is no room; inside the window. @param {HTMLElement} card @param {Element} link */
function place(card, link) {
  const at = link.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const top = at.top - height - GAP;
  card.style.setProperty("top", `${top > GAP ? top : at.bottom + GAP}px`);
  card.style.setProperty("left", `${Math.max(GAP, Math.min(at.left - width / 2 + at.width / 2, innerWidth - width - GAP))}px`);
}
