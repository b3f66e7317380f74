// "‹ 2/3 ›": the versions of a question or an answer.

import { iconButton } from "../core/icon.js";
import { router } from "../core/router.js";
import { html, nothing } from "../vendor/lit/lit.js";

/**
 * @param {import("../stores/conversation.js").Message} message
 * @param {string} noun
 */
export function versions({ id, versions: all }, noun) {
  const place = all.indexOf(id);
  if (all.length < 2 || place < 0) return nothing;
  const go = (/** @type {number} */ step) => {
    const branch = all[(place + step + all.length) % all.length];
    router.go({ ...router.route, branch, reader: null });
  };
  return html`
    <span class="versions" role="group" aria-label="Versions of this ${noun}">
      ${iconButton("left", `Previous version of this ${noun}`, () => go(-1), "icon small")}
      <span class="version-place">${place + 1}/${all.length}</span>
      ${iconButton("right", `Next version of this ${noun}`, () => go(1), "icon small")}
    </span>
  `;
}
