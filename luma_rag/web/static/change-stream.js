// The server's events about the documents of a namespace.

const RECONNECT_MS = 30_000;

/**
 * Call `onChange` after each change and on connecting, and `onDisconnect` when the connection is lost. Returns a
 * function that unsubscribes. The connection is closed while the page is hidden, because browsers limit the
 * number of connections per server across all tabs.
 */
export function subscribe(namespaceId, onChange, onDisconnect) {
  let source = null;
  let timer = 0;

  function open() {
    source = new EventSource(`/api/namespaces/${namespaceId}/events`);
    source.onopen = onChange;
    source.addEventListener("ingestion", onChange);
    source.addEventListener("document_removed", onChange);
    // This includes the server's `error` events: it closes the stream and reports the reason on reconnecting.
    source.onerror = () => {
      close();
      timer = setTimeout(open, RECONNECT_MS);
      onDisconnect();
    };
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function onVisibility() {
    close();
    if (!document.hidden) open();
  }

  document.addEventListener("visibilitychange", onVisibility);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    close();
  };
}
