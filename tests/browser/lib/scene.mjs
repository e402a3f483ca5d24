/**
 * The usual scene of a test: a viewer's display with a browser, a host's display of a fixed size with an
 * event log, and an agent that shares it.
 */

import { Agent } from "./agent.mjs";
import { Browser } from "./browser.mjs";
import { Display } from "./display.mjs";
import { Stack } from "./wait.mjs";

export class Scene {
  stack = new Stack();

  /** A display and a browser for all tests of one file. */
  async browser(name, options) {
    this.display = await this.stack.use(Display.viewer());
    this.browserOptions = options;
    this.name = name;
    return this.openBrowser();
  }

  /** Again, after a test that ended it. */
  async openBrowser() {
    this.browser_ = await this.stack.use(Browser.open(this.name, this.display, this.browserOptions));
    return this.browser_;
  }

  /** A host whose size nobody can change, with one window over all of it that logs its events. */
  async host({ width = 800, height = 600, flags = [], log = true } = {}) {
    this.hostDisplay = await this.stack.use(Display.open({ width, height, args: ["-extension", "RANDR"] }));
    const { x } = this.hostDisplay;
    if (log) {
      this.logWindow = await x.window({ width, height, colour: 0x305080 });
      await x.focus(this.logWindow);
    }
    this.agent = await this.stack.use(Agent.open({ desktop: "x11", display: this.hostDisplay.name, flags }));
    return x;
  }

  end() {
    return this.stack.end();
  }
}

/** Runs a test's body with a scene of its own. */
export async function within(body) {
  const stack = new Stack();
  try {
    return await body(stack);
  } finally {
    await stack.end();
  }
}
