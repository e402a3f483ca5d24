/**
 * X displays of the tests' own: the viewer's with a window manager, and hosts of a fixed size.
 */

import { fileURLToPath } from "node:url";
import { firstLine, start } from "./process.mjs";
import { until } from "./wait.mjs";
import { X11 } from "./x11.mjs";

const CONFIG = fileURLToPath(new URL("openbox.xml", import.meta.url));
/** The viewer's screen is larger than any window that a test opens. */
const VIEWER = { width: 1920, height: 1400 };

export class Display {
  /** @param {{ width?: number, height?: number, manager?: boolean, args?: string[] }} [options] */
  static async open({ width = VIEWER.width, height = VIEWER.height, manager = false, args = [] } = {}) {
    const screen = ["-screen", "0", `${width}x${height}x24`, "-dpi", "96", "-noreset", "-nolisten", "tcp"];
    const server = start("Xvfb", ["-displayfd", "1", ...screen, ...args]);
    const name = `:${await firstLine(server, "Xvfb (Debian: xvfb)")}`;
    const display = new Display(server, name, await X11.open(name));
    if (manager) await display.#manage();
    return display;
  }

  /** The viewer's: people's browsers stand under a window manager, and only then is focus real. */
  static viewer() {
    return Display.open({ manager: true });
  }

  constructor(server, name, x) {
    this.server = server;
    this.name = name;
    this.x = x;
    this.programs = [];
  }

  async #manage() {
    const manager = this.run("openbox", ["--config-file", CONFIG]);
    await until("openbox (Debian: openbox)", async () => {
      if (manager.failure) throw manager.failure;
      return (await this.x.property(this.x.root, "_NET_SUPPORTING_WM_CHECK")).length > 0;
    });
  }

  run(program, args, options = {}) {
    const made = start(program, args, { ...options, env: { ...process.env, DISPLAY: this.name } });
    this.programs.push(made);
    return made;
  }

  async end() {
    for (const program of this.programs.reverse()) await program.end();
    this.x.end();
    await this.server.end();
  }
}
