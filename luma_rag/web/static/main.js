// The start of the page.

import { router } from "./core/router.js";
import { preferences } from "./stores/preferences.js";
import { session } from "./stores/session.js";
import "./views/app.js";

preferences.apply();
router.start();
session.start().catch((error) => {
  // Nothing can be shown without knowing who is signed in.
  const starting = document.getElementById("starting");
  if (starting) starting.textContent = error.message;
});
