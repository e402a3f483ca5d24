/**
 * Asks for a seat over HTTPS and carries signalling messages over WSS.
 *
 * Every address is made from the one that `connect` was given, so that a page on another origin can embed
 * a session. The token goes into a header and never into an address; the socket takes a one-time ticket.
 */

/** @import { SessionCreate, SessionCreated, Signal } from "./protocol/protocol.js" */

import { Failure } from "./failure.js";
import { decodeSignal, readSessionCreated } from "./protocol/decode.js";
import { encodeSignal } from "./protocol/encode.js";

/** @type {(host: string | undefined) => string} */
const sessionsPath = (host) => (host === undefined ? "api/v1/sessions" : `api/v1/hosts/${encodeURIComponent(host)}/sessions`);
const HEALTH_PATH = "healthz";
const SIGNAL_PATH = "api/v1/signal";
const SUBPROTOCOL = "removid.v1";
const TICKET_SUBPROTOCOL = "removid.ticket.";
/** How long the router has to hear the last word, in milliseconds. */
const CLOSE_TIMEOUT = 500;

/** @type {{ [status: number]: string }} */
const BY_STATUS = { 401: "unauthorized", 403: "forbidden", 404: "not_found", 413: "too_large", 429: "too_many", 503: "host_offline" };

/** Close codes of the socket, as in the contract. @type {{ [code: number]: string }} */
export const BY_CLOSE = {
  4001: "unauthorized",
  4002: "ticket",
  4004: "malformed",
  4005: "too_many",
  4006: "replaced",
  4007: "revoked",
  4008: "host_offline",
  4009: "dismissed",
  1009: "too_large",
  1013: "overload",
};

/**
 * @param {{ base: URL, host: string | undefined, token: string }} at
 * @param {SessionCreate} body
 * @param {AbortSignal} signal
 * @returns {Promise<SessionCreated>}
 */
export async function createSession({ base, host, token }, body, signal) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(new URL(sessionsPath(host), base), {
      method: "POST",
      mode: "cors",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      headers: { "authorization": `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (cause) {
    if (await answersButNotToUs(base)) throw new Failure("origin", "the host does not permit this page's origin", { cause });
    throw new Failure("unreachable", "the host cannot be reached", { cause });
  }
  /** @type {unknown} */
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, answer);
  try {
    return readSessionCreated(answer);
  } catch (cause) {
    throw new Failure("protocol", "the answer is not a session of this protocol", { cause });
  }
}

/**
 * @param {number} status
 * @param {unknown} body
 */
function refusal(status, body) {
  const { code, message } = /** @type {{ code?: unknown, message?: unknown }} */ (body ?? {});
  const fallback = status >= 500 ? "unreachable" : "protocol";
  return new Failure(
    typeof code === "string" ? code : (BY_STATUS[status] ?? fallback),
    typeof message === "string" ? message : `the host answered with status ${status}`,
  );
}

/**
 * A browser does not tell a page whether another origin is away or refuses; a blind call does.
 * @param {URL} base
 */
async function answersButNotToUs(base) {
  if (base.origin === location.origin) return false;
  try {
    await fetch(new URL(HEALTH_PATH, base), { mode: "no-cors", credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(3_000) });
    return true;
  } catch {
    return false;
  }
}

export class Signaling {
  #socket;
  #open = false;
  /** @type {string[]} */
  #waiting = [];

  /**
   * @param {URL} base
   * @param {string} ticket
   * @param {{ message: (signal: Signal) => void, closed: (code: string) => void }} on
   */
  constructor(base, ticket, on) {
    const url = new URL(SIGNAL_PATH, base);
    url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
    const socket = new WebSocket(url, [SUBPROTOCOL, TICKET_SUBPROTOCOL + ticket]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#open = true;
      for (const frame of this.#waiting.splice(0)) socket.send(frame);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      try {
        on.message(decodeSignal(data));
      } catch (error) {
        // A newer router may say more; nothing that this session needs is lost with it.
        console.warn("REMOVID: a signalling message was refused:", error instanceof Error ? error.message : "");
      }
    };
    socket.onclose = ({ code }) => {
      this.#open = false;
      on.closed(BY_CLOSE[code] ?? "socket");
    };
  }

  /** @param {Parameters<typeof encodeSignal>[0]} signal */
  send(signal) {
    const frame = encodeSignal(signal);
    if (this.#open) this.#socket.send(frame);
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(frame);
  }

  /** @param {() => void} [done] called once, when the router has heard all that was said, or will not in time */
  close(done) {
    const socket = this.#socket;
    socket.onmessage = null;
    socket.onclose = null;
    if (done) {
      const limit = setTimeout(done, CLOSE_TIMEOUT);
      socket.onclose = () => {
        clearTimeout(limit);
        done();
      };
    }
    if (socket.readyState !== WebSocket.CONNECTING || this.#waiting.length === 0) return socket.close(1000);
    // A socket that is closed before it opened says nothing, and the seat would count as taken until it lapses.
    const limit = setTimeout(() => socket.close(1000), CLOSE_TIMEOUT);
    socket.onopen = () => {
      clearTimeout(limit);
      for (const frame of this.#waiting.splice(0)) socket.send(frame);
      socket.close(1000);
    };
  }
}
