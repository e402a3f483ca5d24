/**
 * Firefox's authenticators for tests: WebDriver's virtual authenticators (W3C Web Authentication Level 3, §11), which
 * Firefox offers over its Marionette protocol alone.
 */

import { connect } from "node:net";
import { WebSocket } from "ws";
import { until } from "./wait.mjs";

/** A conversation with one Firefox: `LENGTH:JSON`, each command answered in its turn. */
export class Marionette {
  #held = Buffer.alloc(0);
  #number = 0;
  /** @type {Map<number, { done: (value: any) => void, failed: (error: Error) => void }>} */
  #waiting = new Map();

  /** @param {number} port where that Firefox listens, or will (`marionette.port`) */
  static async open(port) {
    const made = new Marionette();
    made.socket = await until("Firefox to listen", () => new Promise((done) => {
      const socket = connect(port, "127.0.0.1", () => done(socket)).on("error", () => done(null));
    }), 20_000);
    made.socket.on("data", (bytes) => made.#hear(bytes));
    await new Promise((done) => (made.greeted = done));
    made.session = await made.call("WebDriver:NewSession", { acceptInsecureCerts: true, webSocketUrl: true });
    return made;
  }

  /**
   * What puppeteer speaks WebDriver BiDi over: Firefox has one session at a time, and this is it. Puppeteer's wish for
   * another is answered here.
   */
  async transport() {
    const socket = new WebSocket(this.session.capabilities.webSocketUrl);
    await new Promise((done, failed) => Object.assign(socket, { onopen: done, onerror: failed }));
    const made = {
      send: (text) => {
        const { id, method } = JSON.parse(text);
        if (method === "session.new") made.onmessage?.(JSON.stringify({ type: "success", id, result: this.session }));
        else socket.send(text);
      },
      close: () => socket.close(),
    };
    socket.onmessage = ({ data }) => made.onmessage?.(data);
    socket.onclose = () => made.onclose?.();
    return made;
  }

  #hear(bytes) {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      const colon = this.#held.indexOf(":");
      const length = Number(this.#held.subarray(0, colon));
      if (colon < 0 || this.#held.length < colon + 1 + length) return;
      const message = JSON.parse(this.#held.subarray(colon + 1, colon + 1 + length));
      this.#held = this.#held.subarray(colon + 1 + length);
      if (!Array.isArray(message)) {
        this.greeted();
        continue;
      }
      const [, number, error, value] = message;
      const { done, failed } = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (error === null) done(value);
      else failed(new Error(`${error.error}: ${error.message}`));
    }
  }

  call(name, parameters = {}) {
    const text = JSON.stringify([0, ++this.#number, name, parameters]);
    return new Promise((done, failed) => {
      this.#waiting.set(this.#number, { done, failed });
      this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  end() {
    this.socket.destroy();
  }
}
