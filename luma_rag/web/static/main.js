// The start of the page.

import { onMissingModule } from "./core/missing-modules.js";
import { router } from "./core/router.js";
import { notices } from "./stores/notices.js";
import { preferences } from "./stores/preferences.js";
import { session } from "./stores/session.js";
import "./views/app.js";

onMissingModule(() =>
  notices.show("This part of the page could not be loaded. Luma may have been updated.", {
    isError: true,
    action: { label: "Reload", run: () => location.reload() },
  }),
);
preferences.apply();
router.start();
session.start().catch((error) => {
  // Nothing can be shown without knowing who is signed in.
  const starting = document.getElementById("starting");
  if (starting) starting.textContent = error.message;
});
