// Rectangles over the words of a PDF page.

/** @import { TextItem, TextStyle } from "pdfjs-dist/types/src/display/api" */
/** @import { PageViewport } from "pdfjs-dist/types/src/display/page_viewport" */
/** @import { Letters } from "./letters.js" */
/** @import { Stretch } from "./quote-search.js" */

/**
 * A rectangle in shares of the page's width and height, turned around its left upper corner by `angle` degrees. Of
 * lines that run up or down, `isUpended` is true and `angle` is 0.
 * @typedef {{left: number, top: number, width: number, height: number, angle: number, isUpended: boolean}} Rectangle
 */

/** The text of a page as pdf.js reads it. */
/** @typedef {{items: TextItem[], styles: Record<string, TextStyle>, letters: Letters}} PageText */

/** How far letters reach above and below the line, where the font says nothing plausible. */
const ASCENT = [0.72, 0.95];
const DESCENT = [0.2, 0.3];
const FONT_SIZE = 30;

/** @type {CanvasRenderingContext2D | null} */
let context = null;

/**
 * The rectangles of a stretch, one for each line.
 * @param {PageText} text
 * @param {Stretch} stretch
 * @param {PageViewport} viewport of the page at scale 1
 * @returns {Rectangle[]}
 */
export function rectanglesOf(text, { start, end }, viewport) {
  const { piece, offset } = text.letters;
  const [first, last] = [piece[start], piece[end - 1]];
  const found = [];
  for (let index = first; index <= last; index += 1) {
    const item = text.items[index];
    if (!item.str.trim()) continue;
    const from = index === first ? offset[start] : 0;
    const to = index === last ? endOf(item.str, offset[end - 1]) : item.str.length;
    if (to > from) found.push(rectangle(item, text.styles[item.fontName], from, to, viewport));
  }
  return merged(found.filter(({ width, height }) => width > 0 && height > 0), viewport);
}

/** The end of the character at `offset`, with the accents and the full stop that follow it. @param {string} text @param {number} offset */
function endOf(text, offset) {
  const rest = text.slice(offset);
  return offset + (/^.\p{M}*[.!?,;:)\]”’"']*/su.exec(rest)?.[0].length ?? 1);
}

/**
 * @param {TextItem} item
 * @param {TextStyle | undefined} style
 * @param {number} from
 * @param {number} to
 * @param {PageViewport} viewport
 * @returns {Rectangle}
 */
function rectangle(item, style, from, to, viewport) {
  const [a, b, c, d, x, y] = item.transform;
  const [along, up] = [Math.hypot(a, b) || 1, Math.hypot(c, d) || 1];
  const [begin, finish] = style?.vertical ? [0, item.width] : sharesOf(item, style, from, to).map((share) => share * item.width);
  const top = style?.vertical ? 0 : up * within(style?.ascent, ASCENT);
  const bottom = style?.vertical ? -item.height : -up * within(style ? -style.descent : undefined, DESCENT);
  const point = (/** @type {number} */ forward, /** @type {number} */ upward) =>
    viewport.convertToViewportPoint(x + (a / along) * forward + (c / up) * upward, y + (b / along) * forward + (d / up) * upward);
  return turned(point(begin, top), point(finish, top), point(begin, bottom), viewport);
}

/**
 * The part of the item's width that these characters take: measured in the font that the browser has instead of the
 * embedded one, since pdf.js tells only the width of the whole.
 * @param {TextItem} item
 * @param {TextStyle | undefined} style
 * @param {number} from
 * @param {number} to
 */
function sharesOf(item, style, from, to) {
  if (from === 0 && to === item.str.length) return [0, 1];
  context ??= document.createElement("canvas").getContext("2d");
  if (!context) return [from / item.str.length, to / item.str.length];
  context.font = `${FONT_SIZE}px ${style?.fontFamily ?? "sans-serif"}`;
  const measure = (/** @type {number} */ length) => /** @type {CanvasRenderingContext2D} */ (context).measureText(item.str.slice(0, length)).width;
  const whole = measure(item.str.length) || 1;
  const [begin, end] = [measure(from) / whole, measure(to) / whole];
  return item.dir === "rtl" ? [1 - end, 1 - begin] : [begin, end];
}

/**
 * @param {any} origin the left upper corner, in the direction of reading
 * @param {any} right
 * @param {any} below
 * @param {PageViewport} viewport
 * @returns {Rectangle}
 */
function turned(origin, right, below, { width, height }) {
  const angle = (Math.atan2(right[1] - origin[1], right[0] - origin[0]) * 180) / Math.PI;
  const quarters = Math.round(angle / 90);
  if (Math.abs(angle - quarters * 90) >= 1) {
    const size = [Math.hypot(right[0] - origin[0], right[1] - origin[1]), Math.hypot(below[0] - origin[0], below[1] - origin[1])];
    return { left: origin[0] / width, top: origin[1] / height, width: size[0] / width, height: size[1] / height, angle, isUpended: false };
  }
  const xs = [origin[0], right[0], below[0], right[0] + below[0] - origin[0]];
  const ys = [origin[1], right[1], below[1], right[1] + below[1] - origin[1]];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const size = { width: (Math.max(...xs) - left) / width, height: (Math.max(...ys) - top) / height };
  return { left: left / width, top: top / height, ...size, angle: 0, isUpended: quarters % 2 !== 0 };
}

/**
 * The words of a line as one rectangle.
 * @param {Rectangle[]} rectangles
 * @param {PageViewport} viewport
 */
function merged(rectangles, viewport) {
  const ratio = viewport.height / viewport.width;
  /** @type {Rectangle[]} */
  const result = [];
  for (const next of rectangles) {
    const last = result.at(-1);
    if (last && isSameLine(last, next, ratio)) {
      const [left, top] = [Math.min(last.left, next.left), Math.min(last.top, next.top)];
      last.width = Math.max(last.left + last.width, next.left + next.width) - left;
      last.height = Math.max(last.top + last.height, next.top + next.height) - top;
      [last.left, last.top] = [left, top];
    } else {
      result.push({ ...next });
    }
  }
  return result;
}

/** @param {Rectangle} one @param {Rectangle} other @param {number} ratio of the page's height to its width */
function isSameLine(one, other, ratio) {
  if (one.angle !== 0 || other.angle !== 0 || one.isUpended !== other.isUpended) return false;
  const vertical = { gap: gap(one, other, "top", "height") * ratio, size: Math.min(one.height, other.height) * ratio };
  const horizontal = { gap: gap(one, other, "left", "width"), size: Math.min(one.width, other.width) };
  const [across, along] = one.isUpended ? [horizontal, vertical] : [vertical, horizontal];
  return -across.gap > across.size * 0.5 && along.gap < across.size * 1.2;
}

/**
 * The distance between two rectangles in one direction; negative if they overlap.
 * @param {Rectangle} one
 * @param {Rectangle} other
 * @param {"left" | "top"} begin
 * @param {"width" | "height"} size
 */
const gap = (one, other, begin, size) => Math.max(one[begin], other[begin]) - Math.min(one[begin] + one[size], other[begin] + other[size]);

/** @param {number | undefined} value @param {number[]} range */
const within = (value, [least, most]) => (value && Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : most - 0.05);
