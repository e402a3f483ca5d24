/**
 * Loaded into the trial provider before it starts (`node --import`): writes every call and its answer as a line of JSON
 * into the file `REMOVID_OVERHEARD`, so that a test knows the codes and tokens that were issued.
 */

import { appendFileSync } from "node:fs";
import { IncomingMessage, ServerResponse } from "node:http";

const FILE = process.env.REMOVID_OVERHEARD;
const bodies = new WeakMap();

const push = IncomingMessage.prototype.push;
IncomingMessage.prototype.push = function (part, ...rest) {
  if (part !== null) bodies.set(this, (bodies.get(this) ?? "") + part);
  return push.call(this, part, ...rest);
};

const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (part, ...rest) {
  const answer = typeof part === "string" || Buffer.isBuffer(part) ? String(part) : "";
  const { method, url } = this.req;
  appendFileSync(FILE, `${JSON.stringify({ method, url, body: bodies.get(this.req) ?? "", status: this.statusCode, answer })}\n`);
  return end.call(this, part, ...rest);
};
