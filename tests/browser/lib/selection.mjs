/**
 * The clipboard of one X display as an independent program (`xclip`) sees it.
 */

import { spawn } from "node:child_process";
import { until } from "./wait.mjs";
import { X11 } from "./x11.mjs";

const GET_OWNER = 23;

/** A selection of one display, as another program sees it. */
export class Selection {
  constructor(display) {
    this.env = { ...process.env, DISPLAY: display };
    /** Seconds that one copy or paste may take. */
    this.patience = 20;
  }

  /** Copies, by a program that lives on and answers; its first process ends before the display knows of it. */
  async copy(data, type = "UTF8_STRING") {
    const x = await X11.open(this.env.DISPLAY);
    try {
      const owner = async () => (await x.request(GET_OWNER, 0, [await x.atom("CLIPBOARD")], { answer: true })).readUInt32LE(8);
      const before = await owner();
      // Another program may copy in the same moment, and the one before with it: then this one is tried again.
      let at = -Infinity;
      await until("the copy to be the display's", async () => {
        if (performance.now() - at > 3_000) {
          await this.#run(["-t", type, "-i"], data);
          at = performance.now();
        }
        return (await owner()) !== before;
      });
    } finally {
      x.end();
    }
  }

  /** What a paste gives; null when there is nothing of that kind. */
  async paste(type = "UTF8_STRING") {
    const began = performance.now();
    const found = await this.#run(["-t", type, "-o"]);
    this.took = performance.now() - began;
    return found;
  }

  async text(type) {
    return (await this.paste(type))?.toString() ?? null;
  }

  async targets() {
    return ((await this.text("TARGETS")) ?? "").trim().split("\n");
  }

  /** Never in a way that stops this process: it has the pipes of those under test to drain. */
  #run(args, input) {
    return new Promise((resolve, reject) => {
      // A copy's program lives on with the pipes that it was given.
      const child = spawn("timeout", [String(this.patience), "xclip", "-selection", "clipboard", ...args], { env: this.env, stdio: ["pipe", input === undefined ? "pipe" : "ignore", "ignore"] });
      const parts = [];
      child.stdout?.on("data", (part) => parts.push(part));
      child.on("error", reject);
      child.on(input === undefined ? "close" : "exit", (code) => resolve(code === 0 ? Buffer.concat(parts) : null));
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }
}
