/**
 * Single requests to the agent as no browser would make them: any header, a WebSocket upgrade by hand, plain
 * HTTP. What comes back is the status line and the body, and nothing is followed or repaired.
 */

import { randomBytes } from "node:crypto";
import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { connect } from "node:net";

let calls = 0;
/** Failures are counted by address, and every loopback address is one: each call comes from another. */
const nextAddress = () => `127.0.${1 + ((calls += 1) >> 7)}.${1 + (calls & 127)}`;

/** `{ status, headers, body }`; `upgraded` when the answer was 101. */
export function ask(port, { method = "GET", path = "/", headers = {}, body, tls = true, host = "127.0.0.1", from = nextAddress() } = {}) {
  return new Promise((resolve, reject) => {
    const send = tls ? secure : plain;
    const request = send({ host, port, method, path, headers, localAddress: from, rejectUnauthorized: false, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (data) => (text += data));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: json(text) }));
    });
    request.on("upgrade", (response, socket) => {
      socket.on("error", () => {});
      resolve({ status: 101, headers: response.headers, upgraded: true, close: () => socket.destroy() });
    });
    request.on("error", reject);
    request.setTimeout(5_000, () => request.destroy(new Error("no answer within 5 s")));
    request.end(body);
  });
}

const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** A seat as a browser asks for it. */
export function seat(port, token, { origin, host, headers = {}, from } = {}) {
  const body = JSON.stringify({
    viewer_fp: Array.from(randomBytes(32), (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":"),
    viewer_nonce: randomBytes(24).toString("base64url"),
  });
  const all = { "content-type": "application/json", "content-length": body.length, ...headers };
  if (token !== undefined) all.authorization = `Bearer ${token}`;
  if (origin !== undefined) all.origin = origin;
  if (host !== undefined) all.host = host;
  return ask(port, { method: "POST", path: "/api/v1/sessions", headers: all, body, ...(from === undefined ? {} : { from }) });
}

/** The socket's upgrade with that ticket. */
export function upgrade(port, ticket, { origin = `https://127.0.0.1:${port}`, host, protocol } = {}) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-protocol": protocol ?? ["removid.v1", ...(ticket === undefined ? [] : [`removid.ticket.${ticket}`])].join(", "),
  };
  if (origin !== null) headers.origin = origin;
  if (host !== undefined) headers.host = host;
  return ask(port, { path: "/api/v1/signal", headers });
}

/** What a server says to bytes that it did not expect, until it closes or 3 s are over. */
export function shout(port, bytes) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.on("data", (data) => (answer += data));
    socket.on("error", () => {});
    socket.on("close", () => resolve({ closed: true, answer }));
    socket.setTimeout(3_000, () => {
      resolve({ closed: false, answer });
      socket.destroy();
    });
  });
}
