/**
 * Where to connect to, and with what, from what an embedding page gave: single fields, or a whole link.
 */

/** @import { ConnectOptions } from "./types.js" */

/** @param {ConnectOptions} options */
export function connectTarget(options) {
  const base = new URL(options.url ?? ".", document.baseURI);
  const link = new URLSearchParams(base.hash.slice(1));
  base.hash = "";
  base.search = "";
  const [token, hostKey] = [options.token ?? link.get("t") ?? "", options.hostKey ?? link.get("k") ?? undefined];
  return { base, token, hostKey, host: options.host, extra: options.extra };
}
