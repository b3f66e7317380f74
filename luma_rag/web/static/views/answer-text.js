// The text of an answer. It grows block by block: what is complete is not drawn again while the rest is written.

import { linkCitations, placeOf } from "../core/citations.js";
import { quotesOf } from "../core/answer-text.js";
import { icon } from "../core/icon.js";
import { blocksOf, markdown, refersAcross } from "../core/markdown.js";
import { pathOf } from "../core/router.js";
import { soon } from "../core/slices.js";
import { html, render } from "../vendor/lit/lit.js";

/** @import { Citation } from "../stores/conversation.js" */

/**
 * @typedef {object} Content
 * @property {string} text
 * @property {Citation[]} citations
 * @property {number} chatId
 * @property {number} messageId of the answer, or of its question while it is written
 * @property {string} key
 * @property {boolean} isWriting
 */

class AnswerText extends HTMLElement {
  /** @type {Content | null} */
  #content = null;
  #isWaiting = false;
  /** The part of the text that is complete. */
  #complete = "";
  #open = "";
  /** @type {Element | null} the block that is being written */
  #last = null;
  #isWhole = false;
  #drawn = "";

  /** @param {Content} content */
  set content(content) {
    const former = this.#content;
    this.#content = content;
    if (former && former.text === content.text && former.isWriting === content.isWriting) {
      if (former.messageId !== content.messageId) this.#readdress();
      return;
    }
    if (this.#isWaiting) return;
    if (this.#drawn) {
      this.#draw();
      return;
    }
    this.#isWaiting = true;
    soon(() => {
      this.#isWaiting = false;
      this.#draw();
    });
  }

  #draw() {
    const { text, citations, isWriting, key } = /** @type {Content} */ (this.#content);
    this.dir = "auto";
    this.#readdress();
    const quotes = isWriting ? null : quotesOf(text, citations);
    if (quotes) return this.#drawQuotes(quotes);
    const isWhole = refersAcross(text);
    if (!text.startsWith(this.#complete) || isWhole !== this.#isWhole || this.classList.contains("is-quoted")) this.#reset();
    this.#isWhole = isWhole;
    const sources = isWhole ? [text] : blocksOf(text.slice(this.#complete.length));
    sources.forEach((source, i) => {
      const isFirst = i === 0;
      if (!isFirst || source !== this.#open || !this.#last) {
        const block = this.#block(source, key);
        if (isFirst && this.#last) this.#last.replaceWith(block);
        else this.append(block);
        this.#last = block;
      }
      if (i === sources.length - 1) this.#open = source;
      else this.#complete += source;
    });
    this.#drawn = text;
  }

  #reset() {
    this.replaceChildren();
    this.classList.remove("is-quoted");
    [this.#complete, this.#open, this.#last] = ["", "", null];
  }

  /** @param {string} source @param {string} key */
  #block(source, key) {
    const block = document.createElement("div");
    block.className = "block";
    block.append(markdown(source, key));
    linkCitations(block, (n) => this.#link(n));
    for (const frame of block.querySelectorAll(".code-frame")) addCopyButton(frame);
    return block;
  }

  /** The words of the documents, as they are. @param {{text: string, n: number}[]} quotes */
  #drawQuotes(quotes) {
    this.#reset();
    this.classList.add("is-quoted");
    for (const quote of quotes) {
      const block = document.createElement("blockquote");
      block.className = "quote";
      block.dir = "auto";
      const group = document.createElement("span");
      group.className = "cites";
      group.append(this.#link(quote.n) ?? "");
      block.append(quote.text, " ", group);
      this.append(block);
    }
    this.#drawn = this.#content?.text ?? "";
  }

  /** @param {number} n */
  #link(n) {
    const { citations } = /** @type {Content} */ (this.#content);
    const citation = citations.find((other) => other.n === n);
    if (!citation) return null;
    const link = document.createElement("a");
    link.className = "cite";
    link.dataset.n = String(n);
    link.setAttribute("aria-label", `Source ${n}: ${placeOf(citation)}`);
    link.href = this.#address(n);
    // The brackets are read by the clipboard, not by the eye.
    link.append(bracket("["), String(n), bracket("]"));
    return link;
  }

  /** @param {number} n */
  #address(n) {
    const { chatId, messageId } = /** @type {Content} */ (this.#content);
    return pathOf({ view: "chat", chatId, reader: { messageId, n } });
  }

  #readdress() {
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (this.querySelectorAll(".cite"))) {
      link.href = this.#address(Number(link.dataset.n));
    }
  }
}

customElements.define("luma-answer-text", AnswerText);

/** @param {string} text */
function bracket(text) {
  const element = document.createElement("span");
  element.className = "bracket";
  element.textContent = text;
  return element;
}

/** @param {Element} frame */
function addCopyButton(frame) {
  const place = document.createElement("div");
  place.className = "code-copy";
  render(html`<button type="button" class="icon small" data-copies="code" aria-label="Copy code" title="Copy code">${icon("copy")}</button>`, place);
  frame.prepend(place);
}
