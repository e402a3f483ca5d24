/**
 * Waking a host that sleeps: the page offers it where another host of the team is awake in the same network, and that one
 * sends the packet that the sleeping card waits for.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { firstLine, run, start } from "./lib/process.mjs";
import { Team, logIn, press, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

/** Tells every datagram that comes to the port of wake-up packets, as a card would hear it. */
const CARD = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("0.0.0.0", 9))
print("listening", flush=True)
while True:
    data, (address, _) = s.recvfrom(2048)
    print(address, data.hex(), flush=True)
`;

for (const name of BROWSERS) {
  describe(`a sleeping host in ${name}`, { skip: LACK }, () => {
    const stack = new Stack();
    let network;
    let team;
    let sleeper;
    let neighbour;
    let viewer;
    let card;
    before(async () => {
      network = await stack.use(Network.open());
      team = await stack.use(Team.open({ namespace: network.router, address: network.outer }));
      sleeper = await team.host("sleeper", [], network.host);
      neighbour = await team.host("neighbour", [], network.host);
      card = start("ip", ["netns", "exec", network.router, "python3", "-c", CARD]);
      stack.add(() => card.end());
      await firstLine(card, "the card");
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
    });
    after(() => stack.end());

    const wakes = () => viewer.page.evaluate(() => [...document.querySelectorAll(".hosts button")].filter((one) => one.textContent === "Wake").map((one) => one.getAttribute("aria-label")));

    it("is offered only while it sleeps, and a neighbour sends what its card waits for", async () => {
      await viewer.visit(team.url);
      await logIn(viewer.page, "ada");
      await seen(viewer, "both", (said) => said.includes("sleeper") && said.includes("neighbour"));
      assert.deepEqual(await wakes(), []);
      await sleeper.process.end();
      await until("the way to wake it", async () => (await wakes()).join() === "Wake sleeper", 20_000);
      assert.equal(card.out.split("\n").length, 2, "nobody sent anything yet");
      await press(viewer.page, "Wake");
      await seen(viewer, "that it wakes", (said) => said.includes("waking up"));
      const heard = await until("the packet", () => card.out.split("\n")[1] || false, 10_000, () => neighbour.process.err);
      const [from, packet] = heard.split(" ");
      assert.equal(from, network.inner);
      const link = run("ip", ["-n", network.host, "-j", "link"]);
      const { address } = JSON.parse(link).find(({ link_type, ifname }) => link_type === "ether" && ifname.startsWith("rv"));
      assert.equal(packet, `ffffffffffff${address.replaceAll(":", "").repeat(16)}`);
      await team.startAgent(sleeper);
      await seen(viewer, "that it is there", (said) => !said.includes("waking up") && !said.includes("Offline"), 20_000);
      assert.deepEqual(await wakes(), []);
    });

    it("is not offered where nobody is awake, and a call for it says so", async () => {
      await sleeper.process.end();
      await neighbour.process.end();
      await seen(viewer, "both asleep", (said) => said.split("Offline").length === 3, 20_000);
      assert.deepEqual(await wakes(), []);
      const answer = await viewer.page.evaluate(async (id) => {
        const { token } = await (await fetch("./api/v1/token", { method: "POST", credentials: "same-origin" })).json();
        const response = await fetch(`./api/v1/hosts/${id}/wake`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
        return { status: response.status, ...(await response.json()) };
      }, sleeper.id);
      assert.equal(answer.code, "no_neighbour");
      assert.match(answer.message, /switch it on by hand/);
    });
  });
}
