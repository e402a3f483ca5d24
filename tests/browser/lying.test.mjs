/**
 * A router that lies, between an honest page and an honest host: every field of every message that it carries between
 * them is changed, one at a time, and nobody comes to be connected; so is whoever stands in the middle of everything.
 *
 * What is not bound has a line in `FREE`, with the reason; a field that is neither refused nor free fails.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Front } from "./lib/front.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

/** What a router may say as it likes, and why that opens nothing. */
const FREE = {
  "session.accept sid": "left alone by the page, which waits for its own",
  "session.request subject": "the grant's counts",
  "session.request token": "the grant's counts",
  "session.request rights": "the grant's count, which is tried below",
  "session.request consent": "the grant's counts",
  "session.request relay_only": "ways, not peers",
  "session.request page": "an address that is tried, with the same certificates at its end",
  "session.request local": "an address that is tried, with the same certificates at its end",
  "session.request resume": "what it ends is of the same holder, by the grant",
  "session.request ice_servers": "ways, not peers",
  "session.lease seconds": "how long a session lasts is the router's to say",
  "sdp.offer caps": "wishes for the size and the name of the browser",
  "ice.candidate candidate": "ways, not peers",
  "ice.candidate mid": "ways, not peers",
  "ice.candidate sid": "ways, not peers",
  "ice.end sid": "ways, not peers",
};
const PRINT = Array.from(randomBytes(32), (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");
const ofSdp = {
  "another certificate": (sdp) => sdp.replace(/^(a=fingerprint:sha-256 ).*$/gm, `$1${PRINT}`),
  "no certificate": (sdp) => sdp.replace(/^a=fingerprint:.*\r\n/gm, ""),
  "a second certificate": (sdp) => sdp.replace(/^a=fingerprint:.*\r\n/m, (line) => `${line}a=fingerprint:sha-256 ${PRINT}\r\n`),
  "a certificate by a weaker hash": (sdp) => sdp.replace(/^a=fingerprint:.*$/gm, `a=fingerprint:sha-1 ${PRINT.slice(0, 59)}`),
};
const RIGHTS = ["microphone", "session_manage", "view"];
const PERMITTED = "view,input_keyboard,input_pointer,clipboard_to_host,clipboard_from_host,sound";

/** Another value of the same kind. */
function other(value) {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (/^([0-9A-F]{2}:){31}/.test(value)) return PRINT;
  const at = value.length >> 1;
  return `${value.slice(0, at)}${value[at] === "A" ? "B" : "A"}${value.slice(at + 1)}`;
}

/** Each change of a message, as `[name, field, changed message]`. */
function* changes(message) {
  for (const [field, value] of Object.entries(message)) {
    if (field === "type") continue;
    const put = (now) => ({ ...message, [field]: now });
    if (field === "sdp") {
      for (const [what, change] of Object.entries(ofSdp)) yield [`${what} in its sdp`, field, put(change(value))];
    } else if (field === "grant") {
      yield* ofGrant(value, put);
    } else if (Array.isArray(value) && typeof value[0] === "string") {
      yield [`one of ${field} less`, field, put(value.slice(1))];
      if (RIGHTS.some((one) => !value.includes(one))) yield [`one of ${field} more`, field, put([...value, RIGHTS.find((one) => !value.includes(one))])];
    } else if (typeof value !== "object") {
      yield [`another ${field}`, field, put(other(value))];
    }
    // A number that is missing, a list that is none: another shape is no way round.
    if (typeof value !== "object" && field !== "sdp") yield [`no ${field}`, field, Object.fromEntries(Object.entries(message).filter(([name]) => name !== field))];
  }
}

/** A grant with each of its claims changed under the same signature, and with less of a signature. */
function* ofGrant(grant, put) {
  const [head, claims, signature] = grant.split(".");
  const open = (part) => JSON.parse(Buffer.from(part, "base64url"));
  const close = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const [name, value] of Object.entries(open(claims))) {
    const changed = Array.isArray(value) ? value.slice(1) : typeof value === "object" ? { ...value, "x5t#S256": randomBytes(32).toString("base64url") } : other(value);
    yield [`another ${name} in its grant`, "grant", put(`${head}.${close({ ...open(claims), [name]: changed })}.${signature}`)];
  }
  yield ["a grant that is signed otherwise", "grant", put(`${head}.${claims}.${Buffer.from(signature, "base64url").reverse().toString("base64url")}`)];
  yield ["a grant of no algorithm", "grant", put(`${close({ ...open(head), alg: "none" })}.${claims}.`)];
  yield ["a grant without a signature", "grant", put(`${head}.${claims}.`)];
}

for (const name of BROWSERS) {
  describe(`a lying router in ${name}`, () => {
    const stack = new Stack();
    let team;
    let dev;
    let viewer;
    let refused = 0;
    /** @type {{ url: string, from: string, message: any }[]} what an honest session said, each kind of message once */
    let honest = [];

    before(async () => {
      team = await stack.use(Team.open(Front.before));
      // Somebody who has every right but two, which a lie could add.
      dev = await team.host("dev box", ["env=dev"], undefined, ["--desktop", "test", "--size", "1280x720", "--no-sign", "--permit", PERMITTED]);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
      await viewer.page.evaluateOnNewDocument(() => {
        window.connected = [];
        window.errors = [];
        const Made = RTCPeerConnection;
        window.RTCPeerConnection = class extends Made {
          constructor(...args) {
            super(...args);
            this.addEventListener("connectionstatechange", () => window.connected.push(this.connectionState));
          }
        };
        document.addEventListener("error", ({ detail }) => detail?.code !== undefined && window.errors.push(detail.code), true);
        // A lie that makes somebody wait is over in a sixth of the time.
        const wait = window.setTimeout.bind(window);
        window.setTimeout = (then, ms, ...rest) => wait(then, ms >= 8_000 ? ms / 6 : ms, ...rest);
      });
    });
    after(() => stack.end());

    const honestly = () => {
      team.front.carry = (_url, _from, message) => [message];
      team.front.ask = team.front.lie = (_url, body) => body;
    };
    const connects = async () => {
      honestly();
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      await viewer.live();
      assert.ok((await viewer.page.evaluate(() => window.connected)).includes("connected"));
    };
    /** What became of a page: the first error, or a connection. */
    const outcome = async (what) => {
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      const now = () => viewer.page.evaluate(() => ({ errors: window.errors, connected: window.connected.includes("connected") }));
      let last;
      await until(`the end of ${what}`, async () => (last = await now()).connected || last.errors.length > 0, 15_000, () => JSON.stringify(last));
      await viewer.page.goto("about:blank");
      return last.connected ? "connected" : last.errors[0];
    };
    const refuses = async (what) => {
      const came = await outcome(what);
      assert.notEqual(came, "connected", what);
      refused += 1;
      return came;
    };

    it("carries what an honest one carries", async () => {
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      await logIn(viewer.page, "ada");
      await viewer.live();
      const from = team.front.said.length;
      await connects();
      const kinds = new Map();
      for (const { url, from: who, text } of team.front.said.slice(from)) {
        const message = JSON.parse(text);
        kinds.set(`${url} ${who} ${message.type}`, { url, from: who, message });
      }
      honest = [...kinds.values()];
      const types = honest.map(({ url, from: who, message }) => `${url.split("/").at(-1)} ${who} ${message.type}`).toSorted();
      for (const needed of ["host client sdp.answer", "host client session.accept", "host router sdp.offer", "host router session.request", "signal client sdp.offer", "signal router sdp.answer", "signal router session.accept"]) {
        assert.ok(types.includes(needed), `${needed} is in ${types}`);
      }
      // Written anew it is the same to everybody.
      team.front.carry = (_url, _from, message) => [structuredClone(message)];
      assert.equal(await outcome("the same words"), "connected");
    });

    const bound = ["session.accept", "sdp.answer", "sdp.offer", "session.request"];
    // What comes from the host comes to the page as it is: in the second browser it is enough to change it there.
    const legs = [["signal", "router"], ["signal", "client"], ["host", "router"], ["host", "client"]].slice(0, name === BROWSERS[0] ? 4 : 3);
    for (const [leg, who] of legs) {
      it(`changes nothing of what it carries ${who === "router" ? "to" : "from"} the ${leg === "host" ? "host" : "page"}`, async () => {
        const told = [];
        for (const { url, from, message } of honest) {
          if (!url.endsWith(leg) || from !== who || !bound.includes(message.type)) continue;
          const names = [...changes(message)].map(([what, field]) => [what, field]);
          for (const [what, field] of names) {
            if (FREE[`${message.type} ${field}`] !== undefined) continue;
            let lies = 0;
            team.front.carry = (at, side, now) => {
              if (at !== url || side !== from || now.type !== message.type) return [now];
              lies += 1;
              return [[...changes(now)].find(([one]) => one === what)[2]];
            };
            const came = await refuses(`${message.type} with ${what}`);
            // A host that knows why says so, and the page hears it, however soon the router ends the connection.
            if (field === "grant") assert.equal(came, "forbidden", what);
            told.push(`${message.type}: ${what}: ${came}`);
            assert.ok(lies > 0, `${what} was told`);
          }
        }
        if (process.env.REMOVID_TELL !== undefined) console.log(told.map((line) => `# ${line}`).join("\n"));
        assert.ok(told.length > 5, told.join());
        await connects();
      });
    }

    it("is nobody's peer by sitting in the middle of everything", async () => {
      // One certificate of its own towards each side, and every word of either is changed to fit.
      const swap = (value) => (typeof value === "string" && /^([0-9A-F]{2}:){31}/.test(value) ? PRINT : value);
      const whole = (message) => Object.fromEntries(Object.entries(message).map(([field, value]) => [field, field === "sdp" ? ofSdp["another certificate"](value) : swap(value)]));
      team.front.ask = (url, body) => (url.endsWith("/sessions") ? { ...body, viewer_fp: PRINT } : body);
      team.front.carry = (url, from, message) => (url.endsWith("signal") ? [whole(message)] : [message]);
      assert.equal(await refuses("a whole man in the middle"), "signature");
      await connects();
    });

    it("gives no right that its grant does not give", async () => {
      const rights = () => JSON.parse(team.front.said.findLast(({ url, text }) => url.endsWith("signal") && text.includes("session.accept")).text).rights;
      const allowed = honest.find(({ message }) => message.type === "session.accept").message.rights;
      for (const lie of [[], ["view"], RIGHTS]) {
        team.front.carry = (_url, _from, message) => [message.type === "session.request" ? { ...message, rights: lie } : message];
        assert.equal(await outcome("other rights beside the grant"), "connected");
        assert.deepEqual(rights(), allowed);
      }
    });

    it("cannot let in another than who asked", async () => {
      for (const [field, value] of [["viewer_fp", PRINT], ["viewer_nonce", randomBytes(32).toString("base64url")]]) {
        team.front.ask = (url, body) => (url.endsWith("/sessions") ? { ...body, [field]: value } : body);
        await refuses(`another ${field} in the call`);
        honestly();
      }
      for (const field of ["host_id", "host_pub", "sid"]) {
        team.front.lie = (url, body) => (url.endsWith("/sessions") && body.host_pub !== undefined ? { ...body, [field]: other(body[field]) } : body);
        await refuses(`another ${field} in the answer`);
        honestly();
      }
      await connects();
      console.log(`# a lying router: ${refused} changes, 0 connected`);
    });
  });
}
