/**
 * What a browser says of the local network, whatever it calls it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { localNetwork } from "../src/core/local-network.js";

/** A browser that knows these permissions. */
const browser = (known) => ({
  async query({ name }) {
    if (!(name in known)) throw new TypeError(`The provided value '${name}' is not a valid enum value of type PermissionName.`);
    return { state: known[name] };
  },
});

test("the newer name counts before the older one", async () => {
  assert.equal(await localNetwork(browser({ "local-network": "denied", "local-network-access": "prompt" })), "denied");
  assert.equal(await localNetwork(browser({ "local-network-access": "granted" })), "granted");
});

test("a browser that asks nobody says nothing", async () => {
  assert.equal(await localNetwork(browser({})), null);
});
