/**
 * Starts the page: the desktop when there is a link, the question for one otherwise.
 */

/** @import { Remedy } from "./notice.js" */
/** @import { TextKey } from "./texts.js" */

import { RemovidDesktop } from "../core/removid-desktop.js";
import { token } from "../team/account.js";
import { errorPage } from "../team/error-page.js";
import { showFor } from "../team/passkey.js";
import { ShareDialog, mayShare } from "../team/share.js";
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

/**
 * A desktop of a team's router: who may see it is asked of the router, with the login that this browser has.
 * @param {string} host
 */
function viewHost(host) {
  const logIn = () => location.assign(new URL(`./?${new URLSearchParams({ to: location.pathname + location.search })}`, location.href));
  /** @type {object | undefined} */
  let given;
  const extra = () => {
    const taken = given;
    given = undefined;
    return taken;
  };
  const showPasskey = async () => {
    // Whatever went wrong, the router says what it wants when it is asked again.
    given = await showFor(host).then((passkey) => ({ passkey }), () => undefined);
    page.connect({ host, token, extra });
  };
  /** @type {{ [reason: string]: Remedy }} */
  const remedies = {
    passkey_required: { label: "factor.show", act: () => void showPasskey() },
    passkey_refused: { label: "factor.show", act: () => void showPasskey() },
    passkey_missing: { label: "factor.register", act: () => location.assign(new URL("./?do=passkeys", location.href)) },
    step_up_required: { label: "factor.step_up", act: () => location.assign(new URL(`./auth/step-up?${new URLSearchParams({ to: location.pathname + location.search })}`, location.href)) },
  };
  const share = () => {
    const desktop = page.element.querySelector("removid-desktop");
    new ShareDialog(host, desktop instanceof RemovidDesktop ? desktop.desk.hostName : host).open();
  };
  const page = viewerPage({ login: logIn, remedy: (reason) => remedies[reason], share });
  void offerShare(page.element, host);
  shown = page;
  document.body.replaceChildren(page.element);
  leadOn(page.element);
  page.connect({ host, token, extra });
}

/**
 * The way to ask others in is there for whoever may. The session does not wait for that answer.
 * @param {HTMLElement} page
 * @param {string} host
 */
async function offerShare(page, host) {
  const way = page.querySelector("dialog[aria-labelledby=viewers-title] > .row > button.primary");
  if (!(way instanceof HTMLButtonElement)) return;
  way.hidden = true;
  way.hidden = !(await mayShare(host).catch(() => false));
}

/**
 * Of a host that is none, or none for this person, no desktop is left to look at.
 * @param {HTMLElement} page
 */
function leadOn(page) {
  page.querySelector("removid-desktop")?.addEventListener("statechange", (event) => {
    const { state, reason } = /** @type {CustomEvent<{ state: string, reason: string }>} */ (event).detail;
    if (state !== "ended" || reason !== "not_found") return;
    const { title, element } = errorPage("no_host", ".");
    document.title = title;
    document.body.replaceChildren(element);
  });
}

const host = location.pathname.endsWith("/desktop") ? new URLSearchParams(location.search).get("host") : null;

if (isSecond()) {
  document.body.replaceChildren(secondPage());
} else if (host !== null) {
  viewHost(host);
} else {
  onArrival(view);
  view();
}
