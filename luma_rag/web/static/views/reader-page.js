// A page of a PDF: its picture, the marks, and its text, which can be selected.

import { rectanglesOf } from "../core/mark-geometry.js";
import { View } from "../core/view.js";
import { html } from "../vendor/lit/lit.js";

/** @import { PdfFile } from "../core/pdf.js" */
/** @import { PageText, Rectangle } from "../core/mark-geometry.js" */
/** @import { Stretch } from "../core/quote-search.js" */
/** @import { Hit } from "../stores/reader-find.js" */

/** The largest canvas that all browsers draw. */
const MOST_PIXELS = 2 ** 24;
/** While the size changes, the former picture is stretched. */
const WAIT_MS = 120;

class ReaderPage extends View {
  static properties = {
    file: { attribute: false },
    number: { attribute: false },
    scale: { attribute: false },
    quotes: { attribute: false },
    hits: { attribute: false },
    hit: { attribute: false },
  };

  /** @type {import("../vendor/pdfjs/pdf.min.mjs").RenderTask | null} */
  #task = null;
  /** @type {import("../vendor/pdfjs/pdf.min.mjs").TextLayer | null} */
  #textLayer = null;
  /** @type {PageText | null} */
  #text = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  #isDrawn = false;
  #marks = "";

  constructor() {
    super();
    /** @type {PdfFile | null} */
    this.file = null;
    this.number = 0;
    this.scale = 1;
    /** @type {{isStrong: boolean, stretches: Stretch[]}[]} */
    this.quotes = [];
    /** @type {Hit[]} */
    this.hits = [];
    /** @type {Hit | null} */
    this.hit = null;
  }

  render() {
    return html`<canvas aria-hidden="true"></canvas><div class="reader-layer" aria-hidden="true"></div><div class="pdf-text"></div>`;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("scale")) {
      this.style.setProperty("--total-scale-factor", String(this.scale));
      clearTimeout(this.#timer);
      if (this.#isDrawn) this.#timer = setTimeout(() => this.#draw(), WAIT_MS);
      else this.#draw();
    }
    if (changed.has("file")) this.#read();
    else this.#mark();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#task?.cancel();
    this.#textLayer?.cancel();
    // Frees the memory of the picture now.
    const canvas = this.find("canvas");
    if (canvas) canvas.width = 0;
  }

  async #draw() {
    const page = await /** @type {PdfFile} */ (this.file).page(this.number);
    if (!this.isConnected) return;
    const { width, height } = page.getViewport({ scale: this.scale });
    const ratio = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (width * height)));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height, canvas.ariaHidden] = [Math.round(width * ratio), Math.round(height * ratio), "true"];
    this.#task?.cancel();
    const task = page.render({ canvas, viewport: page.getViewport({ scale: this.scale * ratio }) });
    this.#task = task;
    if (!this.#isDrawn) this.find("canvas").replaceWith(canvas);
    try {
      await task.promise;
    } catch (error) {
      // Pages that are partly broken are drawn as far as they can be.
      if (error.name === "RenderingCancelledException") return;
    }
    if (task !== this.#task || !this.isConnected) return;
    this.find("canvas").replaceWith(canvas);
    this.#isDrawn = true;
    this.#measure();
  }

  async #read() {
    const file = /** @type {PdfFile} */ (this.file);
    const [text, viewport] = await Promise.all([file.text(this.number), file.viewport(this.number)]);
    if (!this.isConnected) return;
    this.#text = text;
    this.viewport = viewport;
    await this.#mark();
    const textContentSource = { items: text.items, styles: text.styles, lang: null };
    this.#textLayer = new file.pdfjs.TextLayer({ textContentSource, container: this.find(".pdf-text"), viewport });
    // Cancelled when the page leaves the view.
    this.#textLayer.render().catch(() => {});
  }

  /** Draw the marks, if they have changed. */
  #mark() {
    const text = this.#text;
    if (!text) return;
    const marks = [
      ...this.quotes.flatMap(({ stretches, isStrong }) => stretches.map((stretch) => ({ stretch, kind: isStrong ? "is-strong" : "" }))),
      ...this.hits.map((hit) => ({ stretch: hit.stretch, kind: hit === this.hit ? "is-hit is-current" : "is-hit" })),
    ];
    const key = JSON.stringify(marks);
    if (key === this.#marks) return this.#measure();
    this.#marks = key;
    const viewport = /** @type {import("../vendor/pdfjs/pdf.min.mjs").PageViewport} */ (this.viewport);
    const boxes = marks.flatMap(({ stretch, kind }) => rectanglesOf(text, stretch, viewport).map((rectangle) => box(rectangle, kind)));
    this.find(".reader-layer").replaceChildren(...boxes);
    this.#measure();
  }

  /** The time from opening a citation to its page with the mark. */
  #measure() {
    if (!this.#isDrawn || !this.find(".is-strong") || !performance.getEntriesByName("reader:open").length) return;
    performance.measure("reader:marked", "reader:open");
    performance.clearMarks("reader:open");
  }
}

/** @param {Rectangle} rectangle @param {string} kind */
function box({ left, top, width, height, angle }, kind) {
  const element = document.createElement("div");
  element.className = `reader-mark ${kind}`;
  for (const [name, share] of Object.entries({ left, top, width, height })) element.style.setProperty(name, `${share * 100}%`);
  if (angle) element.style.setProperty("rotate", `${angle}deg`);
  return element;
}

customElements.define("luma-reader-page", ReaderPage);
