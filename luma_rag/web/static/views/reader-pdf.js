// The pages of a PDF, below each other. Only those in view and around it are drawn.

import { rectanglesOf } from "../core/mark-geometry.js";
import { PageLayout } from "../core/page-layout.js";
import { View } from "../core/view.js";
import { reader } from "../stores/reader.js";
import { readerFind } from "../stores/reader-find.js";
import { html, nothing, repeat } from "../vendor/lit/lit.js";
import "./reader-page.js";

/** @import { PdfFile } from "../core/pdf.js" */
/** @import { Target } from "../stores/reader.js" */

/** How far around the view pages are drawn, as a share of its height. */
const AROUND = 0.6;
/** Where in the view a mark is shown. */
const MARK_AT = 0.25;

class ReaderPdf extends View {
  static properties = { first: { state: true }, last: { state: true } };

  /** @type {PdfFile | null} */
  #file = null;
  /** @type {PageLayout | null} */
  #layout = null;
  /** @type {Target | null} */
  #target = null;
  #observer = new ResizeObserver(() => this.#arrange());

  constructor() {
    super();
    this.first = 1;
    this.last = 0;
    this.watch(reader, readerFind);
  }

  render() {
    return html`
      <div class="reader-pages" tabindex="0" role="region" aria-label="Pages of the document" @scroll=${this.#onScroll}>
        <div class="reader-stack">
          ${repeat(this.#numbers(), (number) => number, (number) => this.#page(number))}
        </div>
      </div>
    `;
  }

  #numbers() {
    return this.#layout ? Array.from({ length: this.last - this.first + 1 }, (_, index) => this.first + index) : [];
  }

  /** @param {number} number */
  #page(number) {
    const { citation, citations, places } = reader;
    const quotes = citations
      .map(({ n }) => ({ isStrong: n === citation?.n, stretches: places.get(n)?.find(({ part }) => part === number)?.stretches ?? [] }))
      .filter(({ stretches }) => stretches.length);
    return this.#file
      ? html`<luma-reader-page data-page=${number} .file=${this.#file} .number=${number} .scale=${this.#layout?.scale(number) ?? 1}
          .quotes=${quotes} .hits=${readerFind.hitsIn(number)} .hit=${readerFind.current}></luma-reader-page>`
      : nothing;
  }

  firstUpdated() {
    this.#observer.observe(this.#scroller);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  /** @returns {HTMLElement} */
  get #scroller() {
    return this.find(".reader-pages");
  }

  updated() {
    if (reader.file !== this.#file) this.#begin(reader.file);
    if (!this.#layout) return;
    if (this.#layout.zoom !== reader.zoom) this.#arrange();
    this.#place();
    if (reader.target !== this.#target) this.#goTo(reader.target);
  }

  /** @param {PdfFile | null} file */
  async #begin(file) {
    this.#file = file;
    this.#layout = null;
    this.requestUpdate();
    if (!file) return;
    const page = Math.min(reader.page, file.pages);
    const { width, height } = await file.viewport(page);
    if (file !== this.#file) return;
    this.#layout = new PageLayout(file.pages, { width, height });
    this.#layout.arrange(this.#scroller.clientWidth, reader.zoom);
    this.#goTo(reader.target ?? { part: page, places: null });
    this.requestUpdate();
  }

  /** Lay out anew; what is at the top of the view stays there. */
  #arrange() {
    const layout = this.#layout;
    const scroller = this.#scroller;
    if (!layout || !scroller.clientWidth) return;
    const { page, share } = layout.placeAt(scroller.scrollTop);
    const middle = (scroller.scrollLeft + scroller.clientWidth / 2) / layout.width;
    layout.arrange(scroller.clientWidth, reader.zoom);
    this.#resize();
    const now = layout.box(page);
    scroller.scrollTop = now.top + share * now.height;
    scroller.scrollLeft = middle * layout.width - scroller.clientWidth / 2;
    this.#look();
    this.requestUpdate();
  }

  #resize() {
    const { style } = this.find(".reader-stack");
    style.setProperty("height", `${this.#layout?.height ?? 0}px`);
    style.setProperty("width", `${this.#layout?.width ?? 0}px`);
  }

  /** Put the drawn pages where they belong. */
  #place() {
    this.#resize();
    for (const element of this.querySelectorAll("luma-reader-page")) {
      const box = /** @type {PageLayout} */ (this.#layout).box(/** @type {any} */ (element).number);
      for (const [name, value] of Object.entries(box)) /** @type {HTMLElement} */ (element).style.setProperty(name, `${value}px`);
    }
  }

  #onScroll() {
    this.#look();
  }

  /** See which pages are in view. */
  #look() {
    const layout = this.#layout;
    if (!layout) return;
    const { scrollTop, clientHeight } = this.#scroller;
    this.first = layout.pageAt(scrollTop - clientHeight * AROUND);
    this.last = layout.pageAt(scrollTop + clientHeight * (1 + AROUND));
    for (let page = this.first; page <= this.last; page += 1) this.#learn(page);
    const page = layout.pageAt(scrollTop + clientHeight * 0.4);
    reader.setView(page, layout.scale(page));
  }

  /** @param {number} page */
  async #learn(page) {
    const layout = this.#layout;
    const { width, height } = await /** @type {PdfFile} */ (this.#file).viewport(page);
    if (layout && layout === this.#layout && layout.learn(page, { width, height })) this.#arrange();
  }

  /** @param {Target | null} target */
  async #goTo(target) {
    this.#target = target;
    const [file, layout] = [this.#file, this.#layout];
    if (!target || !file || !layout) return;
    this.#resize();
    const place = target.places?.[0];
    if (!place) {
      this.#scroller.scrollTop = layout.box(target.part).top - 12;
      this.#look();
      return;
    }
    const [text, viewport] = await Promise.all([file.text(place.part), file.viewport(place.part)]);
    if (target !== this.#target || layout !== this.#layout) return;
    if (layout.learn(place.part, viewport)) this.#arrange();
    const rectangle = rectanglesOf(text, place.stretches[0], viewport)[0];
    if (rectangle) this.#bringIntoView(place.part, rectangle);
    this.#look();
  }

  /** @param {number} page @param {{left: number, top: number, width: number, height: number}} rectangle */
  #bringIntoView(page, rectangle) {
    const scroller = this.#scroller;
    const box = /** @type {PageLayout} */ (this.#layout).box(page);
    const top = box.top + rectangle.top * box.height;
    const left = box.left + rectangle.left * box.width;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = scroller;
    const isSeen = top > scrollTop + 40 && top + rectangle.height * box.height < scrollTop + clientHeight * 0.75;
    if (!isSeen) scroller.scrollTop = top - clientHeight * MARK_AT;
    const isBeside = left < scrollLeft || left + Math.min(rectangle.width * box.width, clientWidth) > scrollLeft + clientWidth;
    if (isBeside) scroller.scrollLeft = left - 24;
  }
}

customElements.define("luma-reader-pdf", ReaderPdf);
