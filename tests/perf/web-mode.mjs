// Two figures of web mode, on this machine, with the whole of it running: router, provider, host, browser.
//
//   node tests/perf/web-mode.mjs [rounds] [chromium|firefox]
//
// Prints, in ms, median, p95 and maximum: from the click on a host's “Open” to the first frame shown (`ready`), and from
// an administrator's call that locks the host to the viewer's page having ended. The host shows a moving pattern of
// 1280x720. Programs: as for tests/browser (`REMOVID_PROGRAM`).
import { request } from 'node:https';
import { Browser } from '../browser/lib/browser.mjs';
import { Display } from '../browser/lib/display.mjs';
import { Team, logIn } from '../browser/lib/team.mjs';
import { Stack, until } from '../browser/lib/wait.mjs';

const [rounds = '20', which = 'chromium'] = process.argv.slice(2);
const stack = new Stack();

/** A call of an administrator's script: not the page's, so that what ends the page is not the page. */
function call(url, token, method, path, body) {
  const begun = Date.now();
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, url), { method, rejectUnauthorized: false, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      if (answer.statusCode >= 300) return reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      resolve({ begun, body: text === '' ? null : JSON.parse(text) });
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const line = (name, all) => {
  all.sort((a, b) => a - b);
  const at = (q) => all[Math.max(0, Math.ceil(all.length * q) - 1)].toFixed(0);
  console.log(`${name}: median ${at(0.5)}  p95 ${at(0.95)}  max ${at(1)} ms  (${all.length} rounds, ${which})`);
};

try {
  const team = await stack.use(Team.open());
  const host = await team.host('dev box', ['env=dev']);
  const browser = await stack.use(Browser.open(which, await stack.use(Display.viewer())));
  const viewer = await browser.page();
  const { page } = viewer;
  // Times of the wall clock, which pages and this script share; a page keeps them for the next one. The element's events
  // do not bubble, and are caught on their way down.
  await page.evaluateOnNewDocument(() => {
    const now = () => performance.timeOrigin + performance.now();
    addEventListener('click', () => sessionStorage.setItem('test.clicked', String(now())), { capture: true });
    addEventListener('ready', () => { globalThis.readyAt = now(); }, { capture: true });
    addEventListener('statechange', ({ detail }) => detail?.state === 'ended' && sessionStorage.getItem('test.ended') === null && sessionStorage.setItem('test.ended', String(now())), { capture: true });
  });
  await page.goto(team.url);
  await logIn(page, 'ada');
  await until('the list of hosts', () => page.$('.hosts').catch(() => null), 20_000, () => page.url());
  const [opened, locked] = [[], []];
  for (let round = 0; round < Number(rounds); round += 1) {
    await page.goto(team.url);
    await until('the way in', () => page.$('.hosts a.button'), 30_000);
    await page.click('.hosts a.button');
    await viewer.live(30_000);
    const shown = await until('the first frame', () => page.evaluate(() => globalThis.readyAt ?? null));
    opened.push(shown - Number(await page.evaluate(() => sessionStorage.getItem('test.clicked'))));
    const token = await page.evaluate(async () => {
      sessionStorage.removeItem('test.ended');
      return (await (await fetch('api/v1/token', { method: 'POST' })).json()).token;
    });
    const { begun, body } = await call(team.url, token, 'POST', 'api/v1/locks', { kind: 'host', target: host.id, reason: 'cleaning', expires: null });
    const ended = await until('the end', () => page.evaluate(() => sessionStorage.getItem('test.ended')).catch(() => null), 15_000);
    locked.push(Number(ended) - begun);
    // It asks at the login once more and is told why; only then is it still.
    await until('the reason', async () => (await viewer.look().catch(() => ({}))).reason === 'locked', 15_000);
    await call(team.url, token, 'DELETE', `api/v1/locks/${body.id}`);
  }
  line('click on “Open” to first frame      ', opened);
  line('lock (the call begins) to page ended', locked);
} finally {
  await stack.end();
}
