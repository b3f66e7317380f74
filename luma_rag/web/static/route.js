// Where in the page we are, kept in the hash so that a reload or a bookmark comes back to it: #/n/1/c/2

/** `{namespaceId, chatId}` of the address, null for what isn't named. */
export function here() {
  const match = /^#\/n\/(\d+)(?:\/c\/(\d+))?$/.exec(location.hash);
  return { namespaceId: match ? Number(match[1]) : null, chatId: match?.[2] ? Number(match[2]) : null };
}

/** The hash of a place. */
export function hashOf({ namespaceId = null, chatId = null }) {
  if (namespaceId === null) return "#/";
  return chatId === null ? `#/n/${namespaceId}` : `#/n/${namespaceId}/c/${chatId}`;
}

/** Go to a place; `hashchange` follows. */
export function go(place) {
  location.hash = hashOf(place);
}

/** Name a place without going there: the page already shows it. */
export function rename(place) {
  history.replaceState(null, "", hashOf(place));
}
