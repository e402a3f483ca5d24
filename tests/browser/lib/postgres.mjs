/**
 * A PostgreSQL server of a test's own, reached by a socket in its directory.
 */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { folder, run, start } from "./process.mjs";
import { until } from "./wait.mjs";

const VERSIONS = "/usr/lib/postgresql";

export class Postgres {
  static async open() {
    const made = new Postgres();
    const [version] = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a));
    made.bin = join(VERSIONS, version, "bin");
    made.dir = folder("postgres");
    made.data = join(made.dir.path, "data");
    // It refuses to run as root.
    made.as = process.getuid() === 0 ? ["runuser", "-u", "postgres", "--"] : [];
    if (made.as.length > 0) run("chown", ["postgres", made.dir.path]);
    made.#run("initdb", ["-A", "trust", "-U", "removid", "-E", "UTF8", "--no-sync", "-D", made.data]);
    const args = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=30", "-k", made.dir.path, "-D", made.data];
    const [program, ...rest] = [...made.as, join(made.bin, "postgres"), ...args];
    made.server = start(program, rest);
    await until("PostgreSQL to answer", () => {
      try {
        return made.#run("pg_isready", ["-h", made.dir.path, "-U", "removid"]);
      } catch {
        return null;
      }
    }, 20_000, () => made.server.err);
    return made;
  }

  get url() {
    return `postgres:///postgres?host=${this.dir.path}&user=removid`;
  }

  #run(program, args) {
    const [first, ...rest] = [...this.as, join(this.bin, program), ...args];
    return run(first, rest, { cwd: "/" });
  }

  /** Everything that it has written into its directory: tables, indexes, what was deleted, and the log of its changes. */
  get bytes() {
    this.#run("psql", ["-h", this.dir.path, "-U", "removid", "-qc", "CHECKPOINT", "postgres"]);
    const files = readdirSync(this.data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return Buffer.concat(files.map(({ parentPath, path, name }) => readFileSync(join(parentPath ?? path, name))));
  }

  async end() {
    await this.server.end("SIGINT");
    this.dir.end();
  }
}
