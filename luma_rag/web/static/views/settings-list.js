// What lists of rows with actions have in common.

/**
 * Remove a row, and put the focus on the button of the next one, or on the list.
 * @param {HTMLElement & {updateComplete: Promise<unknown>}} view
 * @param {Event} event the click on the button of the row
 * @param {() => Promise<unknown>} remove
 */
export async function listEnd(view, event, remove) {
  const row = /** @type {Element} */ (event.target).closest(".row");
  const next = row?.nextElementSibling?.querySelector("button") ?? row?.previousElementSibling?.querySelector("button");
  await remove();
  await view.updateComplete;
  const target = next?.isConnected ? next : view.querySelector(".rows");
  /** @type {HTMLElement | null} */ (target)?.focus();
}
