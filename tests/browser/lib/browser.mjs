/**
 * Chromium and Firefox, headed, with a fresh profile, on a viewer's display.
 */

import { createRequire } from "node:module";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Marionette } from "./marionette.mjs";
import { descendants, folder, freePort, run, start } from "./process.mjs";
import { until } from "./wait.mjs";
import { Viewer } from "./viewer.mjs";

/** Each test runs in both; `REMOVID_BROWSERS=firefox` narrows that while one works on a test. */
export const BROWSERS = (process.env.REMOVID_BROWSERS ?? "chromium,firefox").split(",");

const PROGRAMS = {
  chromium: [process.env.REMOVID_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: [process.env.REMOVID_FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** Without these a hidden window would go on as if somebody looked, and such tests could not fail. */
const HONEST = [
  "--disable-backgrounding-occluded-windows",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--enable-automation",
];

const FIREFOX_PREFS = {
  // Automation switches this on, and then no window ever loses the focus: such tests could not fail.
  "focusmanager.testmode": false,
  "browser.aboutwelcome.enabled": false,
  "browser.sessionstore.resume_from_crash": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.tabs.warnOnClose": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
  // The test machine reaches no download server, and must not wait for one.
  "media.gmp-manager.updateEnabled": false,
  "app.update.enabled": false,
};

async function puppeteer() {
  try {
    createRequire(import.meta.url).resolve("puppeteer-core");
  } catch {
    throw new Error("puppeteer-core is missing: npm ci --prefix tests/browser");
  }
  return (await import("puppeteer-core")).default;
}

/** A Firefox that listens for Marionette, too. */
async function withAuthenticators(lib, { executablePath, env }, profile, args, prefs) {
  const port = await freePort();
  const all = { ...FIREFOX_PREFS, ...prefs, "marionette.port": port, "security.webauth.webauthn_enable_softtoken": true, "security.webauth.webauthn_enable_usbtoken": false };
  writeFileSync(join(profile.path, "user.js"), Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));
  const process = start(executablePath, ["--marionette", "--remote-debugging-port=0", "--no-remote", "--profile", profile.path, ...args, "about:blank"], { env });
  await until("Firefox to listen", () => process.err.includes("WebDriver BiDi listening"), 20_000, () => process.err);
  const marionette = await Marionette.open(port);
  const browser = await lib.connect({ transport: await marionette.transport(), protocol: "webDriverBiDi", defaultViewport: null, acceptInsecureCerts: true });
  return { browser, marionette, process };
}

export class Browser {
  /**
   * @param {string} name `chromium` or `firefox`
   * @param {import("./display.mjs").Display} display
   * @param {{ x?: number, y?: number, width?: number, height?: number, args?: string[], prefs?: object, authenticators?: boolean, trust?: string }} [options]
   *   the window's place, where one that is covered by another counts as hidden; and whether it shall have
   *   authenticators for tests, which only Firefox has to be started for; and the
   *   file of an authority's certificate that Firefox believes
   */
  static async open(name, display, { x = 0, y = 0, width = 1280, height = 860, args = [], prefs = {}, authenticators = false, trust } = {}) {
    const executablePath = PROGRAMS[name].find((path) => path && existsSync(path));
    if (executablePath === undefined) throw new Error(`${name} is not installed (see tests/browser/README.md)`);
    const profile = folder(name);
    const shared = {
      executablePath,
      headless: false,
      acceptInsecureCerts: true,
      defaultViewport: null,
      env: { ...process.env, DISPLAY: display.name, HOME: profile.path, MOZ_DISABLE_AUTO_SAFE_MODE: "1" },
    };
    const before = await display.x.clients();
    const lib = await puppeteer();
    const keyed = (authenticators || trust !== undefined) && name === "firefox";
    if (trust !== undefined && keyed) {
      run("certutil", ["-N", "--empty-password", "-d", `sql:${profile.path}`]);
      run("certutil", ["-A", "-n", "theirs", "-t", "C,,", "-i", trust, "-d", `sql:${profile.path}`]);
    }
    const asked = keyed ? await withAuthenticators(lib, shared, profile, [`--width=${width}`, `--height=${height}`, ...args], prefs) : undefined;
    const browser = asked?.browser ?? await lib.launch(
      name === "chromium"
        ? {
            ...shared,
            ignoreDefaultArgs: HONEST,
            args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--password-store=basic", `--window-size=${width},${height}`, `--window-position=${x},${y}`, ...args],
          }
        : { ...shared, browser: "firefox", args: [`--width=${width}`, `--height=${height}`, ...args], extraPrefsFirefox: { ...FIREFOX_PREFS, ...prefs } },
    );
    const made = new Browser(name, display, browser, profile, asked?.process ?? browser.process());
    made.marionette = asked?.marionette;
    made.window = await until(`${name}'s window`, async () => (await display.x.clients()).find((id) => !before.includes(id)), 20_000);
    made.place = { x, y, width, height };
    await display.x.place(made.window, made.place);
    return made;
  }

  constructor(name, display, browser, profile, { pid }) {
    this.name = name;
    this.display = display;
    this.browser = browser;
    this.profile = profile;
    this.pid = pid;
  }

  /** Opens a link in the first tab, or in a further one. */
  async view(url, { newTab = false } = {}) {
    const viewer = await this.page({ newTab });
    await viewer.visit(url);
    return viewer;
  }

  async page({ newTab = false } = {}) {
    const pages = newTab ? [] : await this.browser.pages();
    return new Viewer(this, pages[0] ?? (await this.browser.newPage()));
  }

  /** A page that another one opened. */
  adopt(page) {
    return new Viewer(this, page);
  }

  /** Every process of it. */
  get pids() {
    return [this.pid, ...descendants(this.pid).map(({ pid }) => pid)];
  }

  signal(name) {
    for (const pid of this.pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }

  async end() {
    const pids = this.pids;
    this.marionette?.end();
    await Promise.race([this.browser.close().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Closed in time.
      }
    }
    this.profile.end();
  }
}

