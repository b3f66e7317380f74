// Files that the page gives to the browser.

/**
 * Save a text as a file.
 * @param {string} name
 * @param {string} text
 */
export function saveFile(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  download(address, name);
  setTimeout(() => URL.revokeObjectURL(address));
}

/**
 * Let the browser download what is at an address.
 * @param {string} address
 * @param {string} [name] instead of the one that the server suggests
 */
export function download(address, name = "") {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
