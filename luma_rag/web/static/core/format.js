// Numbers, dates and sizes in the language of the browser.

const numbers = new Intl.NumberFormat();
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
/** @type {Intl.NumberFormat[]} by the power of 1000 */
const sizes = [];
const plural = new Intl.PluralRules("en");

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** @param {number} value */
export const number = (value) => numbers.format(value);

/**
 * "1 document", "2,000 documents".
 * @param {number} n
 * @param {string} noun
 * @param {string} [nouns] the plural, if it is not formed with "s"
 */
export const count = (n, noun, nouns = `${noun}s`) => `${number(n)} ${plural.select(n) === "one" ? noun : nouns}`;

/** @param {string | Date} time */
export const date = (time) => days.format(new Date(time));

/** @param {string | Date} time */
export const dateTime = (time) => times.format(new Date(time));

/**
 * "3 minutes ago", "yesterday"; after a week, the date.
 * @param {string | Date} time
 */
export function ago(time) {
  const passed = Date.now() - new Date(time).getTime();
  if (passed < MINUTE) return "just now";
  if (passed < HOUR) return relative.format(-Math.floor(passed / MINUTE), "minute");
  if (passed < DAY) return relative.format(-Math.floor(passed / HOUR), "hour");
  if (passed < 7 * DAY) return relative.format(-Math.floor(passed / DAY), "day");
  return date(time);
}

/**
 * "is too long" → "Is too long."
 * @param {string} text
 */
export const sentence = (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * "1.4 MB".
 * @param {number} bytes
 */
export function size(bytes) {
  const units = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]);
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const style = { style: "unit", unit: units[power], unitDisplay: power ? "short" : "long", maximumFractionDigits: power > 1 ? 1 : 0 };
  sizes[power] ??= new Intl.NumberFormat(undefined, /** @type {Intl.NumberFormatOptions} */ (style));
  return sizes[power].format(bytes / 1000 ** power);
}
