/**
 * Takes host key and token out of the address, before anything else runs, and keeps them for a reload.
 *
 * An address is seen by people behind the reader, by the history and by extensions. `sessionStorage` is
 * this tab's alone.
 */

/** @import { Credentials } from "./link.js" */

import { readFragment } from "./link.js";

const KEY = "removid.link";

/** What the last use of a link brought. @type {Credentials | null} */
let current = null;

/** @returns {boolean} whether the address held a link */
function take() {
  const { hash, pathname, search } = location;
  if (hash === "") return false;
  history.replaceState(history.state, "", pathname + search);
  const found = readFragment(hash);
  if (found === null) return false;
  remember(found);
  return true;
}

take();

/** @returns {Credentials | null} */
export function credentials() {
  if (current !== null) return current;
  try {
    const saved = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (typeof saved?.token === "string") current = { token: saved.token, hostKey: saved.hostKey ?? undefined };
  } catch {
    // Storage may be closed or hold something else: then the page asks.
  }
  return current;
}

/** @param {Credentials} found */
export function remember(found) {
  current = found;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(found));
  } catch {
    // Without storage a reload asks again.
  }
}

export function forget() {
  current = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept there.
  }
}

/**
 * A link that is opened in a tab which shows this page already changes the fragment only.
 * @param {() => void} listener
 */
export function onArrival(listener) {
  addEventListener("hashchange", () => take() && listener());
}
