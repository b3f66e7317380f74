// Where the pages of a file lie below each other. Sizes of pages are learned as they are opened.

/** Around and between pages, in pixels. */
export const GAP = 12;
/** Pages fitted to the width are not enlarged beyond this, in pixels per point. */
const WIDEST = 2.2;
/** Browsers cut what is higher than some 17 million pixels. */
const HIGHEST = 16_000_000;

/** @typedef {{width: number, height: number}} Size in points */

export class PageLayout {
  /** @type {(Size | null)[]} */
  #sizes;

  /**
   * @param {number} pages
   * @param {Size} usual the size of pages that are not opened yet
   */
  constructor(pages, usual) {
    this.usual = usual;
    this.#sizes = new Array(pages).fill(null);
    this.tops = new Float64Array(pages + 1);
    this.width = 0;
    this.room = 0;
    /** @type {number | "width"} */
    this.zoom = "width";
  }

  /** @param {number} page @param {Size} size whether that is news */
  learn(page, size) {
    const known = this.#sizes[page - 1];
    this.#sizes[page - 1] = size;
    return (known ?? this.usual).width !== size.width || (known ?? this.usual).height !== size.height;
  }

  /** Pixels per point of a page. @param {number} page */
  scale(page) {
    if (this.zoom !== "width") return Math.min(this.zoom, this.#highestScale());
    const { width } = this.#size(page);
    return Math.min((this.room - 2 * GAP) / width, WIDEST, this.#highestScale());
  }

  /** Lay the pages out in a room of this width. @param {number} room @param {number | "width"} zoom */
  arrange(room, zoom) {
    [this.room, this.zoom, this.width] = [room, zoom, room];
    let top = GAP;
    for (let page = 1; page <= this.#sizes.length; page += 1) {
      const { width, height } = this.#size(page);
      const scale = this.scale(page);
      this.tops[page - 1] = top;
      this.width = Math.max(this.width, width * scale + 2 * GAP);
      top += height * scale + GAP;
    }
    this.tops[this.#sizes.length] = top;
  }

  get height() {
    return this.tops[this.#sizes.length];
  }

  /** The box of a page, in pixels. @param {number} page */
  box(page) {
    const { width, height } = this.#size(page);
    const scale = this.scale(page);
    return { left: (this.width - width * scale) / 2, top: this.tops[page - 1], width: width * scale, height: height * scale };
  }

  /** The page at a height. @param {number} y */
  pageAt(y) {
    let [low, high] = [0, this.#sizes.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** Where on its page a height is, as last arranged: the page, and the share of its height. @param {number} y */
  placeAt(y) {
    const page = this.pageAt(y);
    const [top, next] = [this.tops[page - 1], this.tops[page]];
    return { page, share: (y - top) / (next - GAP - top) };
  }

  /** @param {number} page @returns {Size} */
  #size(page) {
    return this.#sizes[page - 1] ?? this.usual;
  }

  #highestScale() {
    return HIGHEST / (this.#sizes.length * this.usual.height);
  }
}
