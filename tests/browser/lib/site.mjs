/**
 * Somebody's own web site that embeds the element: its pages, and the element's files as a copy of its own.
 */

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { folder, run } from "./process.mjs";

const CLIENT = fileURLToPath(new URL("../../../web-client/", import.meta.url));

/** Serves `html` at every address but the scripts', and what `pages` has by its path. */
export async function site() {
  const dir = folder("site");
  const [key, cert] = [join(dir.path, "key.pem"), join(dir.path, "cert.pem")];
  run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=wiki", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]);
  const made = { html: "", pages: new Map() };
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const script = /^\/src\/.*\.js$/.test(request.url);
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? readFileSync(join(CLIENT, normalize(request.url))) : (made.pages.get(request.url) ?? made.html));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  made.origin = `https://127.0.0.1:${server.address().port}`;
  made.end = () => {
    server.closeAllConnections();
    server.close();
    dir.end();
  };
  return made;
}
