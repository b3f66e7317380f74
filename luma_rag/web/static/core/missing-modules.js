// Modules that can't be loaded any more, because the server has been upgraded since the page was.

const MISSING = /dynamically imported module|importing a module script/i;

/** Call `listener` whenever a module could not be loaded on demand. @param {() => void} listener */
export function onMissingModule(listener) {
  addEventListener("unhandledrejection", (event) => {
    if (!(event.reason instanceof TypeError) || !MISSING.test(event.reason.message)) return;
    event.preventDefault();
    listener();
  });
}
