// Helpers to build elements. Text is always inserted as text; this page never parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties and children; `class`, `data-*` and `aria-*` become attributes, `on…` listeners. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon from icons.svg. It is decorative, so the button around it needs a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** An icon button with the accessible name `label`. */
export function iconButton(name, label, onclick, className = "icon") {
  return el("button", { type: "button", class: className, "aria-label": label, title: label, onclick }, icon(name));
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** "1 document", "2 documents". */
export const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** Announce a change to screen readers. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Show an error that belongs to no form, for ten seconds or until dismissed. */
export function notify(text) {
  const notice = el("div", { class: "notice" }, el("span", {}, text));
  notice.append(iconButton("close", "Dismiss", () => notice.remove()));
  byId("notices").append(notice);
  setTimeout(() => notice.remove(), 10_000);
}
