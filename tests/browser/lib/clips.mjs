/**
 * A viewer and a host with a clipboard each, and the keys that paste.
 */

import { Selection } from "./selection.mjs";
import { until } from "./wait.mjs";

const [CONTROL, V, A] = [37, 55, 38];

export class Clips {
  /** @param {import("./scene.mjs").Scene} scene without browser and host so far */
  static async open(scene, name) {
    const made = new Clips();
    made.browser = await scene.browser(name);
    made.host = await scene.host();
    made.viewer = await made.browser.view(scene.agent.url());
    await made.viewer.live();
    await made.viewer.take();
    made.there = new Selection(scene.hostDisplay.name);
    made.here = new Selection(scene.display.name);
    return made;
  }

  /** Key presses that the host saw. */
  get keys() {
    return this.host.events.filter(({ type }) => type === "key").length;
  }

  /** Ctrl+V over the picture; the host has the keys when this returns. */
  async paste() {
    const before = this.keys;
    await this.viewer.x.tap(CONTROL, V);
    await until("the host to have the keys", () => this.keys >= before + 2, 10_000);
  }

  /** A key that pastes nothing, for a browser that wants a gesture. */
  press() {
    return this.viewer.x.tap(A);
  }
}
