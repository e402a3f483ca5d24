/**
 * Passes TCP connections and UDP datagrams on to another address, as a router with address translation does:
 * the far end sees this machine's address. Used in a process of its own inside a network namespace
 * (`node forward.mjs LISTEN TARGET PORT`) and, for TCP that is to be cut, inside a test.
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

/** One socket to the target for each sender, so that answers find their way back. */
function forwardUdp(listen, target, port) {
  const near = createSocket("udp4");
  const ways = new Map();
  near.on("message", (data, from) => {
    const key = `${from.address}:${from.port}`;
    if (!ways.has(key)) {
      const far = createSocket("udp4");
      far.on("message", (answer) => near.send(answer, from.port, from.address));
      far.on("error", () => {});
      ways.set(key, far);
    }
    ways.get(key).send(data, port, target);
  });
  near.bind(port, listen);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [listen, target, port] = process.argv.slice(2);
  await forwardTcp({ listen, port: Number(port), target, targetPort: Number(port) });
  forwardUdp(listen, target, Number(port));
  console.log("ready");
}
