/**
 * Starts the team router's pages: the list of hosts for whoever is logged in, the login for everybody else.
 */

import { t } from "../app/texts.js";
import { whoAmI } from "./account.js";
import { HostsPage } from "./hosts.js";
import { invitePage } from "./invite.js";
import { startPage } from "./start.js";

/** @param {string} name of a query field, which leaves the address */
function taken(name) {
  const url = new URL(location.href);
  const value = url.searchParams.get(name);
  url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
  return value;
}

/**
 * @param {string | null} problem
 * @param {string} to
 */
async function start(problem, to) {
  document.title = `${t("start.title")} – ${t("app.name")}`;
  document.body.replaceChildren(await startPage({ problem, to }));
}

/** Where our own paths begin: `/`, or the path under which a site shows us. */
const home = new URL("./", location.href).pathname;
const [problem, to, then] = [taken("problem"), taken("to") ?? home, taken("do")];

async function hosts() {
  try {
    const account = await whoAmI();
    if (to !== home) location.replace(new URL(to, location.origin).href.startsWith(location.origin + home) ? to : home);
    document.title = `${t("hosts.title")} – ${t("app.name")}`;
    const page = new HostsPage(account, (code) => void start(code === "login_required" ? null : code, home), problem);
    document.body.replaceChildren(page.element);
    if (then === "passkeys") void page.passkeys();
    await page.run();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "other";
    await start(code === "login_required" ? problem : code === "unreachable" ? null : code, to);
  }
}

if (location.pathname.endsWith("/invite")) {
  const secret = location.hash.slice(1);
  // Out of the address, before anybody looks over a shoulder or shares a picture of it.
  history.replaceState(history.state, "", location.pathname);
  document.title = `${t("invite.title")} – ${t("app.name")}`;
  document.body.replaceChildren(await invitePage(secret));
} else {
  await hosts();
}
