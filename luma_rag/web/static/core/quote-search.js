// Finds a quote in a text. Only letters and digits are compared.

import { foldText } from "./letters.js";

/** @typedef {{start: number, end: number}} Stretch a part of a text: indices of its letters, the end exclusive */
/** @typedef {{stretches: Stretch[], share: number}} Finding in the order of the text; `share` of the quote's letters, 0 to 1 */

/** Shorter stretches would be found by chance. */
const SHORTEST_STRETCH = 12;
const SHORTEST_REMAINDER = 4;
/** A quote of which less is found counts as not found. */
const LEAST_SHARE = 0.5;
/** How often a beginning may occur before the other places are left alone: a page of dots or zeros. */
const MOST_PLACES = 50;

/** @type {Finding} */
const NOWHERE = { stretches: [], share: 0 };

/**
 * Where a quote stands in a text that is given as letters.
 *
 * Normally in one stretch. The cells of a table may be in another order than in the quote: then its longest matching
 * stretches are found, and what remains of its sentences and lines.
 * @param {string} quote
 * @param {string} text
 * @returns {Finding}
 */
export function findQuote(quote, text) {
  const letters = foldText(quote);
  if (!letters) return NOWHERE;
  const place = text.indexOf(letters);
  if (place >= 0) return { stretches: [{ start: place, end: place + letters.length }], share: 1 };
  const found = longestStretches(letters, text);
  const covered = new Uint8Array(letters.length);
  for (const { from, length } of found) covered.fill(1, from, from + length);
  const taken = found.map(({ start, length }) => ({ start, end: start + length }));
  const stretches = remaindersIn(quote, text, covered, taken);
  const share = covered.reduce((sum, one) => sum + one, 0) / letters.length;
  return share < LEAST_SHARE ? NOWHERE : { stretches: joined(stretches), share };
}

/**
 * All places of a search text among letters, at most `limit`.
 * @param {string} letters of what is searched
 * @param {string} text
 * @param {number} [limit]
 */
export function findAll(letters, text, limit = Infinity) {
  /** @type {Stretch[]} */
  const found = [];
  if (!letters) return found;
  for (let place = text.indexOf(letters); place >= 0 && found.length < limit; ) {
    found.push({ start: place, end: place + letters.length });
    place = text.indexOf(letters, place + letters.length);
  }
  return found;
}

/**
 * From its beginning, the longest stretches of the quote that stand in the text: `from` in the quote, `start` in the text.
 * @param {string} quote
 * @param {string} text
 */
function longestStretches(quote, text) {
  const beginnings = beginningsOf(text);
  const found = [];
  let expected = 0;
  for (let from = 0; from + SHORTEST_STRETCH <= quote.length; ) {
    const places = beginnings.get(quote.slice(from, from + SHORTEST_STRETCH)) ?? [];
    let best = { from, start: 0, length: 0 };
    for (const start of places) {
      const length = commonLength(quote, from, text, start);
      const isNearer = Math.abs(start - expected) < Math.abs(best.start - expected);
      if (length > best.length || (length === best.length && isNearer)) best = { from, start, length };
    }
    if (best.length) {
      found.push(best);
      expected = best.start + best.length;
    }
    from += best.length || 1;
  }
  return found;
}

/** The places of each run of letters that is as long as the shortest stretch. @param {string} text */
function beginningsOf(text) {
  /** @type {Map<string, number[]>} */
  const places = new Map();
  for (let start = 0; start + SHORTEST_STRETCH <= text.length; start += 1) {
    const key = text.slice(start, start + SHORTEST_STRETCH);
    const known = places.get(key);
    if (!known) places.set(key, [start]);
    else if (known.length < MOST_PLACES) known.push(start);
  }
  return places;
}

function commonLength(quote, from, text, start) {
  let length = 0;
  while (from + length < quote.length && quote.charCodeAt(from + length) === text.charCodeAt(start + length)) length += 1;
  return length;
}

/**
 * The places of sentences, lines and cells of the quote, or of what remains of them, near what was found; marks them as
 * covered.
 * @param {string} quote
 * @param {string} text
 * @param {Uint8Array} covered
 * @param {Stretch[]} taken
 */
function remaindersIn(quote, text, covered, taken) {
  const found = [...taken];
  for (const { from, letters } of remainders(quote, covered)) {
    const isFree = (/** @type {Stretch} */ place) => !found.some(({ start, end }) => place.start < end && start < place.end);
    const distance = (/** @type {Stretch} */ { start }) => Math.min(...found.map((other) => Math.abs(other.start - start)));
    const places = findAll(letters, text, MOST_PLACES).filter(isFree).sort((a, b) => distance(a) - distance(b));
    if (!places.length) continue;
    found.push(places[0]);
    covered.fill(1, from, from + letters.length);
  }
  return found;
}

/** Runs of words that are not covered, within sentences, lines and cells. @param {string} quote @param {Uint8Array} covered */
function remainders(quote, covered) {
  /** @type {{from: number, letters: string}[]} */
  const found = [];
  let at = 0;
  for (const sentence of quote.split(/(?<=[.!?])\s+|\n|\s\|\s/)) {
    let run = { from: at, letters: "" };
    for (const word of sentence.split(/\s+/).map(foldText)) {
      const isOpen = !covered.subarray(at, at + word.length).some(Boolean);
      if (isOpen) run.letters += word;
      else found.push(run);
      at += word.length;
      if (!isOpen) run = { from: at, letters: "" };
    }
    found.push(run);
  }
  return found.filter(({ letters }) => letters.length >= SHORTEST_REMAINDER);
}

/** The stretches in order, those that touch as one. @param {Stretch[]} stretches */
function joined(stretches) {
  /** @type {Stretch[]} */
  const result = [];
  for (const { start, end } of stretches.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
