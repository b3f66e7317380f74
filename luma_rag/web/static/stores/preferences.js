// Preferences of this browser: theme, text size, send key, widths.

import { Store } from "../core/store.js";

const KEY = "preferences";

const DEFAULTS = {
  /** @type {"system" | "light" | "dark"} */
  theme: "system",
  /** @type {"small" | "normal" | "large"} */
  textSize: "normal",
  /** @type {"enter" | "ctrl-enter"} */
  sendKey: "enter",
  /** Share of the window that the reader takes, 0.25 to 0.6. */
  readerWidth: 0.4,
};

class Preferences extends Store {
  values = { ...DEFAULTS, ...stored() };

  /**
   * Change and keep preferences.
   * @param {Partial<typeof DEFAULTS>} values
   */
  set(values) {
    this.values = { ...this.values, ...values };
    localStorage.setItem(KEY, JSON.stringify(this.values));
    this.apply();
    this.changed();
  }

  /** Set what the style sheet depends on. */
  apply() {
    const root = document.documentElement;
    root.dataset.theme = this.values.theme;
    root.dataset.textSize = this.values.textSize;
  }
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const preferences = new Preferences();

/**
 * Whether a key sends what is typed. While an input method composes, Enter selects a candidate.
 * @param {KeyboardEvent} event
 */
export function sends(event) {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return false;
  const isHeld = event.ctrlKey || event.metaKey;
  return isHeld || (preferences.values.sendKey === "enter" && !event.shiftKey && !event.altKey);
}
