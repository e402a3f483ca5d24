/**
 * Sound servers, tones, and what of them arrives: frequencies, channels, gaps.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { descendants, folder, run, start } from "./process.mjs";
import { until } from "./wait.mjs";

export const RATE = 48_000;
/** Bytes of one moment: two channels of 16 bits. */
const STEP = 4;

/** What a process was started with. */
export function environment(pid) {
  const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter((entry) => entry.includes("="));
  return Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
}

/** A way to a sound server: the environment of its clients and, as root, whose they must be. */
export class Pulse {
  constructor(env, user) {
    this.env = env;
    this.user = user;
  }

  /** The server of an agent's virtual desktop. */
  static async of(agent) {
    const server = await until("the desktop's sound server", () => agent.children.find(({ args }) => args.includes("pulseaudio") || args[0]?.endsWith("pulseaudio") || args.includes("pipewire-pulse")));
    const { XDG_RUNTIME_DIR, HOME, USER } = environment(server.pid);
    const pulse = new Pulse({ PATH: process.env.PATH, HOME, XDG_RUNTIME_DIR, PULSE_SERVER: `unix:${XDG_RUNTIME_DIR}/pulse/native` }, USER);
    await pulse.ready();
    return pulse;
  }

  command(program, args) {
    return process.getuid() === 0 && this.user !== undefined && this.user !== "root" ? ["setpriv", [`--reuid=${this.user}`, `--regid=${this.user}`, "--clear-groups", "--", program, ...args]] : [program, args];
  }

  ask(...args) {
    return run(...this.command("pactl", args), { env: { ...this.env, LC_ALL: "C" } });
  }

  async ready() {
    await until("the sound server", () => this.ask("info"), 20_000);
  }

  spawn(program, args) {
    return start(...this.command(program, args), { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Plays a burst of 100 ms every second until it is ended. */
  bursts() {
    return this.#feed((n) => (n < RATE / 10 ? [440, 440] : [0, 0]));
  }

  /** Plays tones, one for each ear, until it is ended. */
  play(left, right, device) {
    return this.#feed(() => [left, right], device);
  }

  #feed(tones, device) {
    const player = this.spawn("pacat", ["--raw", "--format=s16le", `--rate=${RATE}`, "--channels=2", "--latency-msec=100", ...(device === undefined ? [] : ["-d", device])]);
    const second = Buffer.alloc(RATE * STEP);
    for (let n = 0; n < RATE; n += 1) {
      for (const [channel, hz] of tones(n).entries()) {
        second.writeInt16LE(Math.round(12_000 * Math.sin((2 * Math.PI * hz * n) / RATE)), n * STEP + channel * 2);
      }
    }
    const { stdin } = player.child;
    // Whole seconds of whole numbers of waves follow each other without a seam.
    const feed = () => {
      while (stdin.writable && stdin.write(second));
    };
    stdin.on("drain", feed);
    stdin.on("error", () => {});
    feed();
    return player;
  }

  /** Listens to a source. */
  listen(device, latency = 20) {
    return new Listener(this.spawn("parec", ["--raw", "--format=s16le", `--rate=${RATE}`, "--channels=2", `--latency-msec=${latency}`, ...(device === undefined ? [] : ["-d", device])]));
  }
}

/** A sound server of the test's own, with one sink that nobody hears: a viewer's machine, or a host's. */
/** Where Debian has it, on any architecture: the loader knows what `$LIB` is. */
const FAKE_CLOCK = "/usr/$LIB/faketime/libfaketimeMT.so.1";

export class SoundServer {
  /** @param {{ ppm?: number }} [clock] by how many millionths its clock runs faster (Debian: libfaketime) */
  static async open(kind = "pulseaudio", { ppm = 0 } = {}) {
    const server = new SoundServer(kind);
    if (ppm !== 0) server.clock = { LD_PRELOAD: FAKE_CLOCK, FAKETIME: `+0 x${1 + ppm / 1e6}` };
    await server.start();
    return server;
  }

  constructor(kind) {
    this.kind = kind;
    this.dir = folder("sound");
    const { path } = this.dir;
    const dirs = { XDG_RUNTIME_DIR: join(path, "run"), XDG_CONFIG_HOME: join(path, "config"), XDG_STATE_HOME: join(path, "state"), HOME: path };
    for (const dir of Object.values(dirs)) mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.env = { PATH: process.env.PATH, ...dirs, PULSE_SERVER: `unix:${dirs.XDG_RUNTIME_DIR}/pulse/native` };
    this.pulse = new Pulse(this.env);
  }

  /** Starts it, or starts it again. */
  async start() {
    const sink = "module-null-sink sink_name=ears rate=48000";
    if (this.kind === "pulseaudio") {
      const args = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "-L", "module-native-protocol-unix auth-cookie-enabled=0", "-L", sink];
      this.parts = [start("pulseaudio", args, { env: { ...this.env, ...this.clock, DBUS_SESSION_BUS_ADDRESS: "disabled:" } })];
    } else {
      const conf = join(this.env.XDG_CONFIG_HOME, "pipewire/pipewire-pulse.conf.d");
      const wires = join(this.env.XDG_CONFIG_HOME, "wireplumber/main.lua.d");
      for (const dir of [conf, wires]) mkdirSync(dir, { recursive: true });
      writeFileSync(join(conf, "test.conf"), `pulse.cmd = [ { cmd = "load-module" args = "${sink}" } ]\n`);
      writeFileSync(join(wires, "60-test.lua"), "alsa_monitor.enabled = false\nv4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n");
      this.parts = [start("pipewire", [], { env: this.env })];
      await until("PipeWire", () => run("sh", ["-c", "test -S $XDG_RUNTIME_DIR/pipewire-0 && echo yes"], { env: this.env }));
      this.parts.push(start("dbus-run-session", ["--", "wireplumber"], { env: this.env }), start("pipewire-pulse", [], { env: this.env }));
    }
    await this.pulse.ready();
    await until("its sink", () => this.pulse.ask("list", "short", "sinks").includes("ears"), 20_000);
  }

  async kill() {
    for (const part of this.parts.splice(0).reverse()) {
      // What it started would live on, with the pipes to this process.
      for (const { pid } of descendants(part.pid)) process.kill(pid, "SIGKILL");
      await part.end("SIGKILL");
    }
  }

  async end() {
    await this.kill();
    this.dir.end();
  }
}

/** Remembers what it hears. */
class Listener {
  #player;
  /** @type {Buffer[]} */
  #pieces = [];
  #bytes = 0;

  constructor(player) {
    this.#player = player;
    player.child.stdout.removeAllListeners("data");
    player.child.stdout.on("data", (data) => {
      this.#pieces.push(data);
      this.#bytes += data.length;
      // Whoever wants more than a minute takes it as it comes.
      while (this.#pieces.length > 6_000) this.#pieces.shift();
    });
  }

  /** Bytes heard so far. */
  get bytes() {
    return this.#bytes;
  }

  /** Hands everything over as it comes, from now on. */
  each(take) {
    this.#player.child.stdout.on("data", take);
  }

  /** What comes in the next so many milliseconds of sound. */
  async take(ms) {
    this.#pieces = [];
    let have = 0;
    const want = Math.round((ms * RATE) / 1000) * STEP;
    await until(`${ms} ms of sound`, () => (have = this.#pieces.reduce((sum, piece) => sum + piece.length, 0)) >= want, ms * 3 + 10_000);
    return new Heard(Buffer.concat(this.#pieces).subarray(0, want));
  }

  /** Waits until it hears something that satisfies. */
  async hears(what, test, ms = 15_000) {
    let last;
    return until(what, async () => {
      last = await this.take(300);
      return test(last) && last;
    }, ms, () => JSON.stringify({ left: last?.level(0), right: last?.level(1), tone: last?.frequency(0) }));
  }

  end() {
    return this.#player.end("SIGKILL");
  }
}

/** A piece of sound. */
export class Heard {
  constructor(data) {
    this.data = data;
    this.length = Math.floor(data.length / STEP);
  }

  at(n, channel) {
    return this.data.readInt16LE(n * STEP + channel * 2);
  }

  /** The root of the mean square, in dB of full scale. */
  level(channel) {
    let sum = 0;
    for (let n = 0; n < this.length; n += 1) sum += this.at(n, channel) ** 2;
    return 10 * Math.log10(Math.max(1e-10, sum / this.length / 32_768 ** 2));
  }

  /** How loud one frequency is (Goertzel), in dB of full scale. */
  tone(hz, channel) {
    const k = 2 * Math.cos((2 * Math.PI * hz) / RATE);
    let [a, b] = [0, 0];
    for (let n = 0; n < this.length; n += 1) {
      // A window, so that a loud neighbour does not leak into it.
      const x = this.at(n, channel) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / this.length));
      [a, b] = [x + k * a - b, a];
    }
    const power = (a * a + b * b - k * a * b) / (this.length / 4) ** 2 / 2;
    return 10 * Math.log10(Math.max(1e-10, power / 32_768 ** 2));
  }

  /** Of a single tone, by its crossings of zero. */
  frequency(channel) {
    let crossings = 0;
    for (let n = 1; n < this.length; n += 1) if (this.at(n - 1, channel) < 0 && this.at(n, channel) >= 0) crossings += 1;
    return (crossings * RATE) / this.length;
  }

  /** The longest stretch of near silence, in ms: a wave's own crossings of zero do not count. */
  gap(channel = 0, quiet = 400) {
    let [longest, since] = [0, 0];
    for (let n = 0; n < this.length; n += 1) {
      if (Math.abs(this.at(n, channel)) > quiet) since = n;
      longest = Math.max(longest, n - since);
    }
    return (longest * 1000) / RATE;
  }
}
