/**
 * Starts the page: the desktop when there is a link, the question for one otherwise.
 */

/** @import { TextKey } from "./texts.js" */

import { credentials, forget, onArrival, remember } from "./arrival.js";
import { loginPage } from "./login.js";
import { secondPage } from "./second.js";
import { t } from "./texts.js";
import { viewerPage } from "./viewer.js";
import { isSecond } from "./windows.js";

/** @type {ReturnType<typeof viewerPage> | null} */
let shown = null;

/** @param {TextKey} [why] */
function login(why) {
  forget();
  shown?.close();
  shown = null;
  document.title = t("app.name");
  const page = loginPage({
    why,
    entered: (found) => {
      remember(found);
      view();
    },
  });
  document.body.replaceChildren(page);
}

function view() {
  const link = credentials();
  if (link === null) return login();
  shown?.close();
  shown = viewerPage({ login });
  document.body.replaceChildren(shown.element);
  shown.connect(link);
}

if (isSecond()) {
  document.body.replaceChildren(secondPage());
} else {
  onArrival(view);
  view();
}
