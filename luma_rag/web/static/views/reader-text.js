// The text of a document that has no pages to draw: its passages one after the other, with the quotes marked.

import { Problem } from "../core/api.js";
import { blocksOf } from "../core/text-blocks.js";
import { View } from "../core/view.js";
import { notices } from "../stores/notices.js";
import { reader } from "../stores/reader.js";
import { readerFind } from "../stores/reader-find.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";

/** @import { Block, Span } from "../core/text-blocks.js" */
/** @import { Passage } from "../stores/passages.js" */
/** @import { Target } from "../stores/reader.js" */

/** @typedef {Span & {kind: string}} Mark */

/** How many passages are shown around the one in view, and added at an end that is reached. */
const AROUND = 15;
const MORE = 40;

class ReaderText extends View {
  static properties = { first: { state: true }, last: { state: true } };

  /** @type {Target | null} */
  #target = null;
  /** @type {WeakMap<Passage, Block[]>} */
  #blocks = new WeakMap();
  #observer = new IntersectionObserver((entries) => this.#onEnd(entries), { rootMargin: "600px" });
  #isAdding = false;

  constructor() {
    super();
    this.first = 0;
    /** After the last passage that is shown. */
    this.last = 0;
    this.watch(reader, readerFind);
  }

  render() {
    const { passages } = reader;
    const shown = passages.items.slice(this.first, this.last);
    if (passages.total === 0) return html`<p class="reader-note">This document has not been read yet.</p>`;
    return html`
      <div class="reader-text" tabindex="0" role="region" aria-label="Text of the document" @scroll=${this.#onScroll}>
        ${this.first > 0 ? html`<div class="reader-end is-start"></div>` : nothing}
        <article class="reader-article">
          ${repeat(shown, ({ ordinal }) => ordinal, (passage, index) => this.#passage(passage, this.first + index))}
        </article>
        <div class="reader-end"></div>
      </div>
    `;
  }

  /** @param {Passage} passage @param {number} index */
  #passage(passage, index) {
    let blocks = this.#blocks.get(passage);
    if (!blocks) {
      blocks = blocksOf(passage, reader.document?.type ?? "");
      this.#blocks.set(passage, blocks);
    }
    const marks = this.#marks(index);
    const isNewPage = passage.page !== null && passage.page !== reader.passages.items[index - 1]?.page;
    return html`<section data-index=${index}>
      ${isNewPage ? html`<p class="reader-page-label muted">Page ${passage.page}</p>` : nothing}
      ${blocks.map((block) => this.#block(block, passage.text, marks))}
    </section>`;
  }

  /** @param {Block} block @param {string} text @param {Mark[]} marks */
  #block(block, text, marks) {
    const inner = (/** @type {Span} */ span) => marked(text, span, marks);
    switch (block.kind) {
      case "heading":
        return block.level === 1 ? html`<h3 dir="auto">${inner(block.span)}</h3>` : html`<h4 dir="auto">${inner(block.span)}</h4>`;
      case "list":
        return html`<ul class="reader-list">${block.items.map(({ depth, label, span }) => html`<li class="depth-${depth}"><span>${inner(label)}</span><span dir="auto">${inner(span)}</span></li>`)}</ul>`;
      case "table":
        return html`<div class="reader-table" tabindex="0" role="group" aria-label="Table"><table><tbody>
          ${block.rows.map((cells) => html`<tr>${cells.map((cell) => html`<td dir="auto">${inner(cell)}</td>`)}</tr>`)}
        </tbody></table></div>`;
      default:
        return html`<p dir="auto">${inner(block.span)}</p>`;
    }
  }

  /** The marks in a passage. @param {number} index @returns {Mark[]} */
  #marks(index) {
    const { citation, citations, places, passages } = reader;
    const quotes = citations.flatMap(({ n }) => {
      const stretches = places.get(n)?.find(({ part }) => part === index)?.stretches ?? [];
      return stretches.map((stretch) => ({ ...stretch, kind: n === citation?.n ? "is-strong" : "is-quote" }));
    });
    const hits = readerFind.hitsIn(index).map((hit) => ({ ...hit.stretch, kind: hit === readerFind.current ? "is-hit is-current" : "is-hit" }));
    const all = [...quotes, ...hits];
    if (!all.length) return [];
    const { offset } = passages.letters(index);
    const { text } = passages.items[index];
    return all.map(({ start, end, kind }) => ({ start: offset[start], end: endOf(text, offset[end - 1]), kind }));
  }

  firstUpdated() {
    this.#extend(1);
  }

  updated() {
    this.#observer.disconnect();
    for (const end of this.querySelectorAll(".reader-end")) this.#observer.observe(end);
    if (reader.target !== this.#target && reader.target) this.#goTo(reader.target);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  /** @param {Target} target */
  async #goTo(target) {
    this.#target = target;
    const isShown = target.part >= this.first && target.part < this.last;
    if (!isShown) await this.#show(Math.max(0, target.part - AROUND), target.part + AROUND);
    if (target !== this.#target) return;
    this.requestUpdate();
    await this.updateComplete;
    const section = this.querySelector(`[data-index="${target.part}"]`);
    if (!target.places) return target.part > 0 ? section?.scrollIntoView({ block: "start" }) : undefined;
    const isHit = readerFind.hitsIn(target.part).some(({ stretch }) => stretch === target.places?.[0].stretches[0]);
    section?.querySelector(isHit ? "mark.is-current" : "mark.is-strong")?.scrollIntoView({ block: "center" });
    if (isHit || !performance.getEntriesByName("reader:open").length) return;
    performance.measure("reader:marked", "reader:open");
    performance.clearMarks("reader:open");
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onEnd(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.#extend(target.matches(".is-start") ? -1 : 1);
  }

  /** Show more passages at an end. @param {1 | -1} direction */
  async #extend(direction) {
    if (this.#isAdding) return;
    this.#isAdding = true;
    const [first, last] = [this.first, this.last];
    if (direction < 0) await this.#show(Math.max(0, first - MORE), last);
    else await this.#show(first, last + MORE);
    this.#isAdding = false;
  }

  /** Show these passages, as far as they exist. @param {number} first @param {number} last */
  async #show(first, last) {
    const { passages } = reader;
    try {
      for (let index = first; index < last && (await passages.has(index)); ) index += 1;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      return notices.showError(problem);
    }
    if (passages !== reader.passages) return;
    [this.first, this.last] = [first, Math.min(last, passages.total ?? last)];
    this.requestUpdate();
  }

  #onScroll() {
    const top = this.find(".reader-text").getBoundingClientRect().top;
    const seen = [...this.querySelectorAll("[data-index]")].find((section) => section.getBoundingClientRect().bottom > top);
    if (seen) reader.passageInView = Number(/** @type {HTMLElement} */ (seen).dataset.index);
  }
}

/** The end of the character at `offset`, with what closes a sentence. @param {string} text @param {number} offset */
function endOf(text, offset) {
  return offset + (/^.\p{M}*[.!?,;:)\]”’"']*/su.exec(text.slice(offset, offset + 20))?.[0].length ?? 1);
}

/**
 * A part of a text with its marks, which may overlap.
 * @param {string} text
 * @param {Span} span
 * @param {Mark[]} marks
 */
function marked(text, { start, end }, marks) {
  const here = marks.filter((mark) => mark.start < end && mark.end > start);
  if (!here.length) return text.slice(start, end);
  const edges = new Set([start, end]);
  for (const mark of here) for (const edge of [mark.start, mark.end]) if (edge > start && edge < end) edges.add(edge);
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((from, index) => {
    const to = sorted[index + 1];
    const kinds = here.filter((mark) => mark.start <= from && mark.end >= to).map(({ kind }) => kind);
    return kinds.length ? html`<mark class=${kinds.join(" ")}>${text.slice(from, to)}</mark>` : text.slice(from, to);
  });
}

customElements.define("luma-reader-text", ReaderText);
