/**
 * A page on another origin embeds the element in ten lines, if the host names that origin; otherwise it is
 * refused and says so.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { site } from "./lib/site.mjs";

const page = (from, { url, token, hostKey }) => `<!doctype html>
<title>Somebody's wiki</title>
<style>body { margin: 0 } removid-desktop { width: 100vw; height: 100vh }</style>
<removid-desktop></removid-desktop>
<script type="module">
  import "${from}src/core/removid-desktop.js";
  const desktop = document.querySelector("removid-desktop");
  desktop.connect(${JSON.stringify({ url, token, hostKey })});
</script>`;

for (const name of BROWSERS) {
  describe(`embedding in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let wiki;
    before(async () => {
      browser = await scene.browser(name);
      wiki = await scene.stack.use(site());
    });
    after(() => scene.end());
    const leave = async () => (await browser.page()).page.goto("about:blank");
    const options = (agent) => ({ url: agent.url("127.0.0.1", ""), token: agent.link.token, hostKey: agent.link.host_key });

    it("works from a named origin, with the element from the host", () => within(async (own) => {
      const agent = await own.use(Agent.open({ flags: ["--origin", wiki.origin] }));
      own.add(leave);
      wiki.html = page(agent.url("127.0.0.1", ""), options(agent));
      const viewer = await browser.view(wiki.origin);
      await viewer.live();
      await viewer.sees(await agent.x(), 0x30c030);
    }));

    it("is refused from another one, and the reason is told", () => within(async (own) => {
      const agent = await own.use(Agent.open());
      own.add(leave);
      wiki.html = page("./", options(agent));
      const viewer = await browser.view(wiki.origin);
      const { reason } = await viewer.state("ended");
      assert.equal(reason, "origin");
      // And the element itself is not given to that page.
      wiki.html = page(agent.url("127.0.0.1", ""), options(agent));
      await viewer.page.goto(wiki.origin, { waitUntil: "load" });
      assert.equal(await viewer.page.evaluate(() => customElements.get("removid-desktop") === undefined), true);
      assert.doesNotMatch(agent.log, /Session started/);
    }));

    it("is refused with a key that is not the host's", () => within(async (own) => {
      const agent = await own.use(Agent.open({ flags: ["--origin", wiki.origin] }));
      own.add(leave);
      wiki.html = page("./", { ...options(agent), hostKey: "A".repeat(43) });
      const viewer = await browser.view(wiki.origin);
      const { reason } = await viewer.state("ended");
      assert.equal(reason, "hostkey");
    }));
  });
}
