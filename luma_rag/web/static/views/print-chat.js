// Printing the open chat.

import { conversation } from "../stores/conversation.js";

/** Print the open chat with all of its messages, those included that were not loaded yet. */
export async function printChat() {
  await conversation.loadAll();
  // The messages are rendered before the next frame is.
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  print();
}
