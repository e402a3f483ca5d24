/**
 * What stands between a team's router and everybody else, in a test's hands: it ends TLS with the router's own
 * certificate, speaks to its Unix socket, keeps all that is said over it, and lies where it is told to.
 */

import { readFileSync } from "node:fs";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { connect } from "node:net";

const SOCKET = "http.sock";

async function whole(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** A text message as one frame; whoever must mask does it with a mask that changes nothing. */
function frame(text, masked) {
  const body = Buffer.from(text);
  const wide = body.length < 126 ? 0 : body.length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + wide + (masked ? 4 : 0));
  head[0] = 0x81;
  head[1] = (masked ? 0x80 : 0) | (wide === 0 ? body.length : wide === 2 ? 126 : 127);
  if (wide === 2) head.writeUInt16BE(body.length, 2);
  if (wide === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

/**
 * Takes a WebSocket's bytes (RFC 6455 §5) as they come, and passes them on; `message` is asked for what becomes of each
 * text message: the texts that go on in its place.
 */
function reader(message, pass, { skipHead, masks }) {
  let held = Buffer.alloc(0);
  let head = skipHead;
  let text = [];
  let frames = [];
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    if (head) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return;
      pass(held.subarray(0, end + 4));
      held = held.subarray(end + 4);
      head = false;
    }
    for (;;) {
      if (held.length < 2) return;
      const short = held[1] & 127;
      const wide = short === 126 ? 2 : short === 127 ? 8 : 0;
      const masked = (held[1] & 128) !== 0;
      const start = 2 + wide + (masked ? 4 : 0);
      if (held.length < start) return;
      const length = wide === 0 ? short : Number(wide === 2 ? held.readUInt16BE(2) : held.readBigUInt64BE(2));
      if (held.length < start + length) return;
      const raw = held.subarray(0, start + length);
      const body = Buffer.from(held.subarray(start, start + length));
      if (masked) for (let at = 0; at < length; at += 1) body[at] ^= held[start - 4 + (at & 3)];
      const [last, kind] = [(held[0] & 128) !== 0, held[0] & 15];
      held = held.subarray(start + length);
      // Pings and closes carry nothing of ours.
      if (kind > 2) {
        pass(raw);
        continue;
      }
      text.push(body);
      frames.push(raw);
      if (!last) continue;
      const was = Buffer.concat(text).toString();
      const now = message(was);
      if (now.length === 1 && now[0] === was) frames.forEach(pass);
      else for (const one of now) pass(frame(one, masks));
      [text, frames] = [[], []];
    }
  };
}

export class Front {
  /** What a team is opened with so that this may stand before it. */
  static before = { listen: (team) => `unix:${team.at(SOCKET)}`, ready: async (team) => void (team.front = await Front.open(team)) };

  /** @param {import("./team.mjs").Team} team */
  static async open(team) {
    const front = new Front();
    const [key, cert] = ["tls-key.pem", "tls-cert.pem"].map((name) => readFileSync(team.at(name)));
    front.path = team.at(SOCKET);
    front.server = createServer({ key, cert }, (request, response) => void front.#pass(request, response).catch(() => response.destroy()));
    front.server.on("upgrade", (request, socket, head) => front.#upgrade(request, socket, head));
    await new Promise((done, failed) => front.server.once("error", failed).listen(team.port, done));
    return front;
  }

  /** Every call: `{ method, url, headers, body, status, answerHeaders, answer }`, bodies as texts. */
  calls = [];
  /** Every text of a socket: `{ url, from: "client" | "router", text }`. */
  said = [];
  /** Changes an answer's JSON, or leaves it as it is. @type {(url: string, body: any) => any} */
  lie = (_url, body) => body;
  /** Changes what a call says, likewise. @type {(url: string, body: any) => any} */
  ask = (_url, body) => body;
  /** What goes on in the place of a socket's message: none, one or more. @type {(url: string, from: "client" | "router", message: any) => any[]} */
  carry = (_url, _from, message) => [message];
  #open = new Set();

  #asked(url, body) {
    let was;
    try {
      was = JSON.parse(body.toString());
    } catch {
      return body;
    }
    const now = this.ask(url, was);
    return now === was ? body : Buffer.from(JSON.stringify(now));
  }

  async #pass(request, response) {
    const { method, url } = request;
    let body = await whole(request);
    if (/^application\/json/.test(request.headers["content-type"] ?? "") && body.length > 0) {
      body = this.#asked(url, body);
      request.headers["content-length"] = String(body.length);
    }
    const headers = { ...request.headers, "accept-encoding": "identity", "x-forwarded-for": "127.0.0.1" };
    const answer = await new Promise((done, failed) => ask({ socketPath: this.path, method, path: url, headers, agent: false }, done).on("error", failed).end(body));
    let bytes = await whole(answer);
    if (/^application\/json/.test(answer.headers["content-type"] ?? "") && bytes.length > 0) {
      const was = JSON.parse(bytes.toString());
      const now = this.lie(url, was);
      if (now !== was) bytes = Buffer.from(JSON.stringify(now));
    }
    this.calls.push({ method, url, headers: request.headers, body: body.toString(), status: answer.statusCode, answerHeaders: answer.headers, answer: bytes.toString() });
    const passed = { ...answer.headers };
    delete passed["transfer-encoding"];
    if (method !== "HEAD" && answer.statusCode !== 204 && answer.statusCode !== 304) passed["content-length"] = bytes.length;
    response.writeHead(answer.statusCode, passed).end(bytes);
  }

  #upgrade(request, near, head) {
    const { method, url } = request;
    this.calls.push({ method, url, headers: request.headers, body: "", status: 101, answerHeaders: {}, answer: "" });
    const far = connect(this.path);
    const lines = [`GET ${url} HTTP/1.1`, "x-forwarded-for: 127.0.0.1"];
    for (const [name, value] of Object.entries(request.headers)) {
      // Compressed, nothing could be read here.
      if (name !== "sec-websocket-extensions") lines.push(`${name}: ${value}`);
    }
    far.write(`${lines.join("\r\n")}\r\n\r\n`);
    far.write(head);
    const keep = (from) => (text) => {
      this.said.push({ url, from, text });
      const was = JSON.parse(text);
      return this.carry(url, from, was).map((now) => (now === was ? text : JSON.stringify(now)));
    };
    const ways = [[near, far, "client", { skipHead: false, masks: true }], [far, near, "router", { skipHead: true, masks: false }]];
    for (const [a, b, from, as] of ways) {
      this.#open.add(a);
      a.on("data", reader(keep(from), (bytes) => b.writable && b.write(bytes), as));
      a.on("end", () => b.end());
      a.on("error", () => b.destroy());
      // What was passed on before the end arrives.
      a.on("close", () => (this.#open.delete(a), b.end()));
    }
  }

  async end() {
    this.#open.forEach((socket) => socket.destroy());
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
