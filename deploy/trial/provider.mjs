/**
 * A small OpenID provider FOR TRYING OUT: it believes whatever name is typed, with any password. Never use it for more.
 *
 *   node provider.mjs '{"port":0,"client":{"id":…,"secret":…,"redirect":…,"home":…},"people":{"ada":{"name":…,"groups":[…]}}}'
 *
 * `home` is where somebody comes back to who has logged out; with `backchannel` the provider tells that address of logouts.
 *
 * Says on standard output where it is, as one line of JSON. It listens on the loopback interface alone.
 */

import { randomBytes } from "node:crypto";
import Provider from "oidc-provider";

const { port = 0, client, people = {} } = JSON.parse(process.argv[2] ?? "{}");

/** @param {string} sub */
function claims(sub) {
  const { name = sub, groups = [] } = people[sub] ?? {};
  return { sub, name, email: `${sub}@example.org`, groups };
}

const { createServer } = await import("node:http");
const server = createServer();
await new Promise((done) => server.listen(port, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [client.redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      post_logout_redirect_uris: client.home === undefined ? [] : [client.home],
      ...(client.backchannel === undefined ? {} : { backchannel_logout_uri: client.backchannel, backchannel_logout_session_required: true }),
    },
  ],
  features: { backchannelLogout: { enabled: true } },
  claims: { openid: ["sub"], profile: ["name"], email: ["email"], groups: ["groups"] },
  // The router reads the ID token alone.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: [randomBytes(32).toString("base64url")] },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => claims(sub) }),
  ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 300, IdToken: 300, AuthorizationCode: 60 },
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer }));
