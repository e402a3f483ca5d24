/**
 * Passes TCP connections and UDP datagrams on to another address, as a router with address translation does:
 * the far end sees this machine's address. Used in a process of its own inside a network namespace
 * (`node forward.mjs LISTEN TARGET PORT PATH`) and, for TCP that is to be cut, inside a test.
 */

import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** Passes TCP on until `end`; `cut` breaks what is open and `closed` refuses what is new. */
export async function forwardTcp({ listen = "127.0.0.1", port = 0, target, targetPort }) {
  const open = new Set();
  const made = { closed: false, open };
  const server = createServer((near) => {
    if (made.closed) return near.destroy();
    const far = connect(targetPort, target);
    for (const [a, b] of [[near, far], [far, near]]) {
      open.add(a);
      a.on("error", () => b.destroy());
      a.on("close", () => (open.delete(a), b.destroy()));
      a.pipe(b);
    }
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, listen, resolve));
  made.port = server.address().port;
  made.cut = () => open.forEach((socket) => socket.destroy());
  made.end = () => (made.cut(), new Promise((resolve) => server.close(resolve)));
  return made;
}

/**
 * A path for datagrams: how long each takes, in ms; every how many-eth is lost; how many kbit fit into a
 * second, with a queue of 100 ms before that; how many bytes a packet may have, IP header included.
 * With `late` it is the path of those alone who come after the process was sent SIGUSR2.
 * @typedef {{ delay?: number, loseEvery?: number, kbit?: number, mtu?: number, late?: boolean }} Path
 */

/** Headers of IPv4 and UDP. */
const HEADERS = 28;
const QUEUE_MS = 100;

/** One direction of a path: calls `pass` when the datagram has arrived. @param {Path} path */
function line({ delay = 0, loseEvery = 0, kbit = 0, mtu = Infinity }) {
  let count = 0;
  let free = 0;
  return (bytes, pass) => {
    count += 1;
    if (bytes + HEADERS > mtu || (loseEvery > 0 && count % loseEvery === 0)) return;
    const now = performance.now();
    const begins = Math.max(now, free);
    if (begins - now > QUEUE_MS) return;
    free = begins + (kbit > 0 ? (bytes + HEADERS) * 8 / kbit : 0);
    const wait = free - now + delay;
    if (wait < 1) pass();
    else setTimeout(pass, wait);
  };
}

/** One socket to the target for each sender, so that answers find their way back. */
function forwardUdp(listen, target, port, path) {
  const near = createSocket("udp4");
  const ways = new Map();
  let lines = path.late ? [line({}), line({})] : [line(path), line(path)];
  process.on("SIGUSR2", () => (lines = [line(path), line(path)]));
  near.on("message", (data, from) => {
    const key = `${from.address}:${from.port}`;
    if (!ways.has(key)) {
      const [there, back] = lines;
      const far = createSocket("udp4");
      far.on("message", (answer) => back(answer.length, () => near.send(answer, from.port, from.address)));
      far.on("error", () => {});
      ways.set(key, (bytes) => there(bytes.length, () => far.send(bytes, port, target)));
    }
    ways.get(key)(data);
  });
  near.bind(port, listen);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [listen, target, port, path] = process.argv.slice(2);
  await forwardTcp({ listen, port: Number(port), target, targetPort: Number(port) });
  forwardUdp(listen, target, Number(port), JSON.parse(path));
  console.log("ready");
}
