/**
 * How long sound takes and whether it has gaps: from the host's sound server to a browser's output.
 *
 *   node tests/perf/sound.mjs [minutes] [browser] [--ppm N] [--buffer MS]     default: 1 minute, chromium
 *
 * `--ppm`: the clock of the server that the browser plays to runs faster by so many millionths (Debian: libfaketime).
 * `--buffer`: the browser is asked to keep so much sound in store, instead of as little as it dares.
 *
 * Delay: short bursts are heard twice, by a recorder at the host's own sink and by one at the sink that the browser
 * plays to; the difference is what REMOVID, the browser and the second server add. Gaps: stretches of silence in a
 * steady tone, at the browser's sink; the recorder at the host's sink tells which of them came from there.
 */

import { parseArgs } from "node:util";
import { Agent } from "../browser/lib/agent.mjs";
import { Browser } from "../browser/lib/browser.mjs";
import { Display } from "../browser/lib/display.mjs";
import { Pulse, RATE, SoundServer } from "../browser/lib/sound.mjs";
import { Stack, until } from "../browser/lib/wait.mjs";

const { values: options, positionals: [minutes = "1", name = "chromium"] } = parseArgs({
  options: { ppm: { type: "string", default: "0" }, buffer: { type: "string" } },
  allowPositionals: true,
});
const QUIET = 400;
const MS = RATE / 1000;

/** Follows a recorder: when bursts begin, and stretches of silence between two sounds. */
function follow(listener) {
  const made = { onsets: [], gaps: [], quiet: Infinity, samples: 0, loud: 0 };
  listener.each((data) => {
    const now = performance.now();
    const count = Math.floor(data.length / 4);
    for (let n = 0; n < count; n += 1) {
      if (Math.abs(data.readInt16LE(n * 4)) > QUIET) {
        made.loud += 1;
        if (made.quiet > 400 * MS) made.onsets.push(now - (count - n) / MS);
        else if (made.quiet > 5 * MS) made.gaps.push({ ms: Math.round(made.quiet / MS), at: Math.round((made.samples + n) / RATE) });
        made.quiet = 0;
      } else made.quiet += 1;
    }
    made.samples += count;
  });
  return made;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const stack = new Stack();
try {
  const display = await stack.use(Display.viewer());
  const ears = await stack.use(SoundServer.open("pulseaudio", { ppm: Number(options.ppm) }));
  process.env.PULSE_SERVER = ears.env.PULSE_SERVER;
  const browser = await stack.use(Browser.open(name, display));
  delete process.env.PULSE_SERVER;
  const agent = await stack.use(Agent.open());
  const pulse = await Pulse.of(agent);
  if (options.buffer !== undefined) {
    const page = (await browser.page()).page;
    await page.evaluateOnNewDocument((ms) => {
      const { set, get } = Object.getOwnPropertyDescriptor(RTCRtpReceiver.prototype, "jitterBufferTarget");
      Object.defineProperty(RTCRtpReceiver.prototype, "jitterBufferTarget", {
        get,
        set(value) {
          set.call(this, this.track.kind === "audio" ? ms : value);
        },
      });
    }, Number(options.buffer));
  }
  const viewer = await browser.view(agent.url());
  await viewer.live();
  await viewer.page.keyboard.press("a");
  const there = await stack.use(pulse.listen("removid-speaker.monitor", 10));
  const here = await stack.use(ears.pulse.listen("ears.monitor", 10));

  const bursts = pulse.bursts();
  await until("the first burst", async () => Math.abs((await here.take(1_000)).level(0)) < 50, 20_000);
  let [source, heard] = [follow(there), follow(here)];
  await until("twenty bursts", () => heard.onsets.length >= 20, 60_000);
  await bursts.end("SIGKILL");
  const delays = heard.onsets.flatMap((at) => {
    const from = source.onsets.filter((one) => one < at).at(-1);
    return from === undefined || at - from > 900 ? [] : [at - from];
  });
  const buffer = await viewer.page.evaluate(() => document.querySelector("removid-desktop").stats());

  const player = pulse.play(440, 880);
  await here.hears("the tone", (piece) => piece.level(0) > -30);
  [source, heard] = [follow(there), follow(here)];
  // A player that starts has nothing to give at first.
  const began = performance.now();
  await until("the time to be over", () => performance.now() - began > Number(minutes) * 60_000, Number(minutes) * 60_000 + 30_000);
  await player.end("SIGKILL");
  console.log(JSON.stringify({
    browser: name,
    ...options,
    delayMs: { median: Math.round(median(delays)), least: Math.round(Math.min(...delays)), most: Math.round(Math.max(...delays)), bursts: delays.length },
    minutes: Number(minutes),
    gaps: { over20: heard.gaps.filter(({ ms }) => ms > 20).length, longest: Math.max(0, ...heard.gaps.map(({ ms }) => ms)), all: heard.gaps.slice(0, 20) },
    gapsAtTheSource: { over20: source.gaps.filter(({ ms }) => ms > 20).length, longest: Math.max(0, ...source.gaps.map(({ ms }) => ms)) },
    jitterBufferMs: buffer?.jitterBufferMs,
  }, null, 1));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stack.end();
  process.exit();
}
