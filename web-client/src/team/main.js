/**
 * Starts the team router's pages: hosts, administration and audit log for whoever is logged in, the login for everybody
 * else.
 */

/** @import { Account } from "./account.js" */

import { t } from "../app/texts.js";
import { whoAmI } from "./account.js";
import { AdminPage } from "./admin/admin.js";
import { ApprovePage } from "./approve.js";
import { AuditPage } from "./audit.js";
import { errorPage } from "./error-page.js";
import { HostsPage } from "./hosts.js";
import { invitePage } from "./invite.js";
import { sharePage } from "./share-page.js";
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

/** @param {string} code */
function refuse(code) {
  const { title, element } = errorPage(code, ".");
  document.title = title;
  document.body.replaceChildren(element);
}

const here = location.pathname.split("/").at(-1) ?? "";

/**
 * The page of this address; null for whoever may not see it.
 * @param {Account} account
 * @param {(code: string) => void} lost
 */
function page(account, lost) {
  if (here === "admin") return account.admin ? new AdminPage(account, lost) : null;
  if (here === "approve") return account.admin ? new ApprovePage(account, lost) : null;
  if (here === "audit") return account.audit ? new AuditPage(account, lost) : null;
  return new HostsPage(account, lost, problem);
}

/** Where our own paths begin: `/`, or the path under which a site shows us. */
const home = new URL("./", location.href).pathname;
/** Where the login leads back to. */
const back = `${home}${here}`;
const [problem, to, then] = [taken("problem"), taken("to") ?? back, taken("do")];

async function begin() {
  try {
    const account = await whoAmI();
    if (to !== back) location.replace(new URL(to, location.origin).href.startsWith(location.origin + home) ? to : home);
    document.title = `${here === "approve" ? t("approve.title") : here === "audit" ? t("audit.title") : here === "admin" ? t("admin.title") : t("hosts.title")} – ${t("app.name")}`;
    const shown = page(account, (code) => (code === "forbidden" ? refuse(code) : void start(code === "login_required" ? null : code, back)));
    if (shown === null) return refuse("forbidden");
    document.body.replaceChildren(shown.element);
    if (then === "passkeys" && shown instanceof HostsPage) void shown.passkeys();
    await shown.run();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "other";
    await start(code === "login_required" ? problem : code === "unreachable" ? null : code, to);
  }
}

/** A link's secret, which leaves the address before anybody looks over a shoulder or shares a picture of it. */
function takenSecret() {
  const secret = location.hash.slice(1);
  history.replaceState(history.state, "", location.pathname);
  // Another link in the same tab changes nothing but the fragment, and loads no page.
  addEventListener("hashchange", () => location.reload());
  return secret;
}

if (here === "invite") {
  const secret = takenSecret();
  document.title = `${t("invite.title")} – ${t("app.name")}`;
  document.body.replaceChildren(await invitePage(secret));
} else if (here === "share") {
  const secret = takenSecret();
  document.title = `${t("share.asked")} – ${t("app.name")}`;
  document.body.replaceChildren(await sharePage(secret, { problem, to: back }));
} else {
  await begin();
}
