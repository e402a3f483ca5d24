/**
 * A team's router behind a real nginx that ends TLS and HTTP/2, speaks HTTP/1.1 to a Unix socket, and shows it under a
 * path of a site that has another application: kept as it is for one browser, taken off for the other.
 */

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { start } from "./lib/process.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

/** As in docs/web-mode.md; the other application sets a cookie of its own. */
const nginx = (team, keep) => `
daemon off;
user root;
pid ${team.at("nginx.pid")};
error_log stderr;
worker_processes 1;
events {}
http {
  log_format asked '$request|$http_cookie';
  access_log ${team.at("asked.log")} asked;
  client_body_temp_path ${team.at("body")};
  proxy_temp_path ${team.at("proxy")};
  fastcgi_temp_path ${team.at("fastcgi")};
  uwsgi_temp_path ${team.at("uwsgi")};
  scgi_temp_path ${team.at("scgi")};
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${team.port} ssl http2;
    listen [::1]:${team.port} ssl http2;
    ssl_certificate ${team.at("tls-cert.pem")};
    ssl_certificate_key ${team.at("tls-key.pem")};
    location /desk/ {
      proxy_pass http://unix:${team.at("http.sock")}${keep ? "" : ":/"};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 2m;
    }
    location /mail/ {
      default_type text/html;
      add_header Set-Cookie "session=of-the-mail; Path=/; Secure; HttpOnly";
      return 200 "the mail";
    }
    location = /favicon.ico { return 204; }
    location / { return 404; }
  }
}
`;

for (const [n, name] of BROWSERS.entries()) {
  describe(`a router behind nginx that ${n === 0 ? "keeps" : "takes off"} the path, in ${name}`, () => {
    const stack = new Stack();
    let team;
    let viewer;
    let host;
    before(async () => {
      team = await stack.use(Team.open({
        path: "/desk/",
        listen: (made) => `unix:${made.at("http.sock")}`,
        async ready(made) {
          writeFileSync(made.at("nginx.conf"), nginx(made, n === 0));
          made.front = start("nginx", ["-c", made.at("nginx.conf"), "-p", made.dir.path]);
          await until("nginx", () => fetch(made.url).then(() => true, (error) => error.cause?.code === "DEPTH_ZERO_SELF_SIGNED_CERT"), 10_000, () => made.front.err);
        },
      }));
      team.role("staff", { allow: { labels: { "*": ["*"] } }, rights: { view: true, input_keyboard: true } });
      team.command("role", "bind", "staff", "--provider", "trial", "--group", "staff");
      host = await team.host("dev box", []);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
    });
    after(() => stack.end());

    const asked = () => readFileSync(team.at("asked.log"), "utf8").trim().split("\n");
    const said = () => viewer.page.evaluate(() => document.body.innerText).catch(() => "");

    it("leads through the login to the desktop that was asked for", async () => {
      await viewer.page.goto(`https://localhost:${team.port}/mail/`);
      await viewer.page.goto(`${team.url}desktop?host=${host.id}`);
      await logIn(viewer.page, "bob");
      await viewer.live();
      assert.ok(viewer.page.url().startsWith(`${team.url}desktop?host=`), viewer.page.url());
    });

    it("lists hosts and logs out", async () => {
      await viewer.page.goto(team.url);
      await until("the list", async () => (await said()).includes("dev box"));
      await viewer.page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "Log out").click());
      // The provider asks whether to log out there as well.
      await until("the provider's question", () => viewer.page.$("button[name=logout]").catch(() => null));
      await viewer.page.click("button[name=logout]");
      await until("the login page", async () => (await said()).includes("Log in with the trial provider"));
      await viewer.page.goto(`${team.url}?problem=stale_login`);
      await until("the words", async () => (await said()).includes("login"));
    });

    it("asks for nothing outside its path, and shows the other application none of its secrets", async () => {
      await viewer.page.goto(`https://localhost:${team.port}/mail/`);
      const lines = asked();
      const foreign = lines.filter((line) => !/^[A-Z]+ \/desk\//.test(line));
      assert.ok(foreign.every((line) => /^GET \/(mail\/|favicon\.ico) /.test(line)), foreign.join("\n"));
      assert.ok(foreign.every((line) => !line.includes("removid")), foreign.join("\n"));
      assert.ok(lines.some((line) => line.includes("__Secure-removid=")), "ours got its own");
      assert.ok(lines.some((line) => line.startsWith("GET /desk/ HTTP/2")), "the pages came by HTTP/2");
      assert.ok(lines.some((line) => line.startsWith("GET /desk/api/v1/signal HTTP/1.1")), "and the socket by HTTP/1.1");
    });

    it("knows clients by what the proxy saw", async () => {
      const rows = team.command("audit", "verify");
      assert.match(rows, /^whole/);
      assert.equal(statSync(team.at("http.sock")).mode & 0o777, 0o660);
    });
  });
}
