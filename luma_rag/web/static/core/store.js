// The base of all stores: state with listeners.

/** State of one noun, shared by all views. A store calls `changed()` after each change. */
export class Store {
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /**
   * Call `listener` after each change. Returns a function that unsubscribes.
   * @param {() => void} listener
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Tell the listeners that the state has changed. */
  changed() {
    for (const listener of [...this.#listeners]) listener();
  }
}
