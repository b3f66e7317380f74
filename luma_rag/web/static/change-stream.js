// What happens to the documents of a namespace, as the server tells it.

const AGAIN_MS = 30_000;

/**
 * Call `onNews` when something has changed, and once when the connection is there; `onBroken` when it is not.
 * Returns a function that ends it. Nothing is followed while the page is hidden: a browser has few
 * connections for all tabs of a server.
 */
export function follow(namespaceId, onNews, onBroken) {
  let source = null;
  let timer = 0;

  function open() {
    source = new EventSource(`/api/namespaces/${namespaceId}/events`);
    source.onopen = onNews;
    source.addEventListener("ingestion", onNews);
    source.addEventListener("document_removed", onNews);
    // Also what the server calls an error: it ends the stream, and says why to whoever asks again.
    source.onerror = () => {
      close();
      timer = setTimeout(open, AGAIN_MS);
      onBroken();
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
