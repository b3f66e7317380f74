// The open namespace and chat, stored in the URL's hash for reloads and bookmarks: #/n/1/c/2

/** The `{namespaceId, chatId}` of the URL; absent values are null. */
export function here() {
  const match = /^#\/n\/(\d+)(?:\/c\/(\d+))?$/.exec(location.hash);
  return { namespaceId: match ? Number(match[1]) : null, chatId: match?.[2] ? Number(match[2]) : null };
}

/** The hash for a namespace and chat. */
export function hashOf({ namespaceId = null, chatId = null }) {
  if (namespaceId === null) return "#/";
  return chatId === null ? `#/n/${namespaceId}` : `#/n/${namespaceId}/c/${chatId}`;
}

/** Navigate. This triggers `hashchange`. */
export function go(target) {
  location.hash = hashOf(target);
}

/** Replace the URL without navigating, because the page already shows its target. */
export function rename(target) {
  history.replaceState(null, "", hashOf(target));
}
