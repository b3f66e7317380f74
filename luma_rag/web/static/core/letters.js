// Texts reduced to their letters and digits, so that quotes are found whatever stands between them.
//
// A passage and the text that a browser reads from the same page differ in white space, line breaks, hyphens at line
// ends and ligatures, and hardly ever in letters and digits.

/**
 * The letters and digits of a text.
 * @typedef {object} Letters
 * @property {string} text in compatibility form (NFKC), without case
 * @property {Uint32Array} piece for each character of `text`, the index of the piece it comes from
 * @property {Uint32Array} offset for each character of `text`, where in the piece its original begins
 */

const ASCII = 128;
/** For each ASCII character, itself without case if it is a letter or a digit; 0 otherwise. */
const PLAIN = Uint8Array.from({ length: ASCII }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(character) ? character.charCodeAt(0) : 0;
});
/** A character with the marks that belong to it, which may compose. */
const CLUSTER = /\P{M}\p{M}*|\p{M}+/gsu;
const NO_LETTER = /[^\p{L}\p{N}\p{M}]/gu;

/**
 * The letters of a text that comes in pieces.
 * @param {string[]} pieces
 * @returns {Letters}
 */
export function lettersOf(pieces) {
  const builder = new Builder(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.forEach((piece, index) => builder.add(piece, index));
  return builder.finish();
}

/** The letters of a text, without their places. @param {string} text */
export const foldText = (text) => lettersOf([text]).text;

class Builder {
  #length = 0;

  /** @param {number} size */
  constructor(size) {
    this.codes = new Uint16Array(size + 16);
    this.pieces = new Uint32Array(size + 16);
    this.offsets = new Uint32Array(size + 16);
  }

  /** @param {string} piece @param {number} index */
  add(piece, index) {
    let at = 0;
    while (at < piece.length) {
      const code = piece.charCodeAt(at);
      // An accent that follows as a character of its own belongs to the letter.
      if (code < ASCII && !(piece.charCodeAt(at + 1) >= ASCII)) {
        if (PLAIN[code]) this.#push(PLAIN[code], index, at);
        at += 1;
      } else {
        at = this.#addCluster(piece, index, at);
      }
    }
  }

  /** @param {string} piece @param {number} index @param {number} at */
  #addCluster(piece, index, at) {
    CLUSTER.lastIndex = at;
    const cluster = CLUSTER.exec(piece)?.[0] ?? piece[at];
    for (const unit of folded(cluster)) this.#push(unit.charCodeAt(0), index, at);
    return at + cluster.length;
  }

  /** @param {number} code @param {number} piece @param {number} offset */
  #push(code, piece, offset) {
    if (this.#length === this.codes.length) this.#grow();
    this.codes[this.#length] = code;
    this.pieces[this.#length] = piece;
    this.offsets[this.#length] = offset;
    this.#length += 1;
  }

  #grow() {
    const size = this.codes.length * 2;
    const [codes, pieces, offsets] = [new Uint16Array(size), new Uint32Array(size), new Uint32Array(size)];
    codes.set(this.codes);
    pieces.set(this.pieces);
    offsets.set(this.offsets);
    [this.codes, this.pieces, this.offsets] = [codes, pieces, offsets];
  }

  finish() {
    const decoder = new TextDecoder("utf-16le");
    return {
      text: decoder.decode(this.codes.subarray(0, this.#length)),
      piece: this.pieces.slice(0, this.#length),
      offset: this.offsets.slice(0, this.#length),
    };
  }
}

/**
 * The UTF-16 units of a cluster's letters, without case. Through upper case, since that also unites "ß" with "ss" and
 * the two small sigmas.
 * @param {string} cluster
 */
function folded(cluster) {
  const letters = cluster.normalize("NFKC").replace(NO_LETTER, "");
  return letters ? letters.toUpperCase().toLowerCase().normalize("NFC").split("") : [];
}
