// Messages for screen readers.

/**
 * Announce a change that is visible, but not where the focus is.
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}
