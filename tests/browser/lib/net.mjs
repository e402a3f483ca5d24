/**
 * A host in a network namespace behind a router in another; the browser stays where the tests run. Needs root.
 *
 *   tests and browser  10.99.K.1 ─── 10.99.K.2  router  10.98.K.1 ─── 10.98.K.2  agent
 *
 * The router drops silently what it is told to: by routing rules, because every kernel has those.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { firstLine, run, start } from "./process.mjs";

const FORWARD = fileURLToPath(new URL("forward.mjs", import.meta.url));

/** Why these tests cannot run here, or false. */
export const LACK = spawnSync("unshare", ["--net", "true"]).status === 0 ? false : "no network namespace can be made here";

export class Network {
  /** @param {{ nat?: boolean }} [options] with `nat` the host's own address is unreachable for the browser */
  static open({ nat = false } = {}) {
    const network = new Network();
    network.#build(nat);
    return network;
  }

  constructor() {
    // Two runs side by side must not meet.
    this.k = process.pid % 250;
    this.router = `rmv-r-${process.pid}`;
    this.host = `rmv-h-${process.pid}`;
    this.near = `10.99.${this.k}.1`;
    this.outer = `10.99.${this.k}.2`;
    this.inner = `10.98.${this.k}.2`;
    this.dropped = new Set();
  }

  #build(nat) {
    const { k, router, host } = this;
    const ip = (...args) => run("ip", args);
    const veths = [`rva${process.pid}`, `rvb${process.pid}`, `rvc${process.pid}`, `rvd${process.pid}`];
    this.device = veths[0];
    try {
      for (const name of [router, host]) {
        ip("netns", "add", name);
        ip("-n", name, "link", "set", "lo", "up");
      }
      ip("link", "add", veths[0], "type", "veth", "peer", "name", veths[1], "netns", router);
      ip("-n", router, "link", "add", veths[2], "type", "veth", "peer", "name", veths[3], "netns", host);
      ip("addr", "add", `${this.near}/24`, "dev", veths[0]);
      ip("-n", router, "addr", "add", `${this.outer}/24`, "dev", veths[1]);
      ip("-n", router, "addr", "add", `10.98.${k}.1/24`, "dev", veths[2]);
      ip("-n", host, "addr", "add", `${this.inner}/24`, "dev", veths[3]);
      // No IPv6 address of its own comes to it some seconds later: Chromium drops what it loads whenever one does.
      ip("link", "set", veths[0], "addrgenmode", "none");
      ip("link", "set", veths[0], "up");
      for (const device of [veths[1], veths[2]]) ip("-n", router, "link", "set", device, "up");
      ip("-n", host, "link", "set", veths[3], "up");
      ip("-n", host, "route", "add", "default", "via", `10.98.${k}.1`);
      run("ip", ["netns", "exec", router, "sysctl", "-qw", `net.ipv4.ip_forward=${nat ? 0 : 1}`]);
      // A router that translates forwards nothing, so behind it an inner address never answers.
      ip("route", "add", `10.98.${k}.0/24`, "via", this.outer);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Drops what the router passes: everything, or one protocol. */
  drop(what = "all") {
    const rule = what === "all" ? ["from", "all"] : ["ipproto", what];
    run("ip", ["-n", this.router, "rule", "add", "pref", "10", ...rule, "blackhole"]);
    this.dropped.add(rule.join(" "));
  }

  restore() {
    for (const rule of this.dropped) run("ip", ["-n", this.router, "rule", "del", "pref", "10", ...rule.split(" "), "blackhole"]);
    this.dropped.clear();
  }

  /** Address translation for one port, TCP and UDP; `path` is what datagrams meet (`forward.mjs`). */
  async translate(port, path = {}) {
    this.forwarder = start("ip", ["netns", "exec", this.router, process.execPath, FORWARD, this.outer, this.inner, String(port), JSON.stringify(path)]);
    await firstLine(this.forwarder, "the translating router");
  }

  async end() {
    const quietly = (...args) => {
      try {
        run("ip", args);
      } catch {
        // It was not made, or went with its peer.
      }
    };
    quietly("link", "del", this.device);
    await this.forwarder?.end();
    for (const name of [this.router, this.host]) quietly("netns", "del", name);
  }
}
