// Reading a list again once for many changes.

const QUIET_MS = 1500;
const FIRST_WAIT_MS = 1500;
const LONGEST_WAIT_MS = 120_000;

/** Runs `refresh` once after a series of changes, or while they go on, ever more seldom. */
export class GatheredRefresh {
  #refresh;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  #dueAt = Infinity;
  #wait = FIRST_WAIT_MS;
  #ranAt = 0;

  /** @param {() => Promise<void>} refresh */
  constructor(refresh) {
    this.#refresh = refresh;
  }

  /** Something is missing on the screen. */
  soon() {
    if (Date.now() - this.#ranAt > 2 * this.#wait) this.#wait = FIRST_WAIT_MS;
    this.#plan(this.#wait);
  }

  /** Something may have changed, but what is shown is probably right. */
  whenQuiet() {
    this.#plan(LONGEST_WAIT_MS);
  }

  /** There is still something going on. */
  postpone() {
    if (this.#dueAt < Infinity) this.#plan(LONGEST_WAIT_MS);
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
  }

  /** @param {number} longest */
  #plan(longest) {
    const now = Date.now();
    this.#dueAt = Math.min(this.#dueAt, now + longest);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), Math.max(0, Math.min(QUIET_MS, this.#dueAt - now)));
  }

  #run() {
    this.cancel();
    this.#ranAt = Date.now();
    this.#wait = Math.min(this.#wait * 4, LONGEST_WAIT_MS);
    this.#refresh();
  }
}
