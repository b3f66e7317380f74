// Keeps the end of a growing list in view, as long as the user is there.

const NEAR = 80;

/**
 * @param {import("../core/view.js").View} host rendered again when the end is left or reached
 * @param {() => HTMLElement} findScroller
 */
export function followsEnd(host, findScroller) {
  let isAtEnd = true;
  let opened = "";
  let top = 0;
  /** @type {ResizeObserver | null} */
  let observer = null;

  const toEnd = () => {
    const scroller = findScroller();
    scroller.scrollTop = scroller.scrollHeight;
  };
  const set = (/** @type {boolean} */ value) => {
    if (isAtEnd === value) return;
    isAtEnd = value;
    host.requestUpdate();
  };
  host.addController({
    hostUpdated() {
      if (observer) return;
      observer = new ResizeObserver(() => {
        if (isAtEnd) toEnd();
      });
      observer.observe(findScroller());
      observer.observe(/** @type {Element} */ (findScroller().firstElementChild));
    },
    hostDisconnected() {
      observer?.disconnect();
      observer = null;
    },
  });

  return {
    get isAtEnd() {
      return isAtEnd;
    },
    /** The list was scrolled, by the user or here. */
    scrolled() {
      const { scrollHeight, scrollTop, clientHeight } = findScroller();
      const isNear = scrollHeight - scrollTop - clientHeight < NEAR;
      // Only who scrolls up leaves the end; a list that grows does not.
      if (isNear || scrollTop < top) set(isNear);
      top = scrollTop;
    },
    /** Go to the end, and stay there. */
    jump() {
      set(true);
      toEnd();
    },
    /** Another list begins at its end. @param {string} name */
    opened(name) {
      if (name === opened) return;
      opened = name;
      this.jump();
    },
  };
}
