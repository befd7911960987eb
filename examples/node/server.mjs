// A service that trusts Doorward's access tokens: it greets by name whoever brings a good one.

import { createServer } from "node:http";
import jsonwebtoken from "jsonwebtoken";
import jwksClient from "jwks-rsa";
import { secretsIn } from "./shared_secret.mjs";

const issuer = process.env.DOORWARD_ISSUER ?? "http://127.0.0.1:8080";
const [host, port] = (process.env.LISTEN ?? "127.0.0.1:8082").split(":");

// Either a secret that Doorward and we share, or what Doorward publishes. Never both algorithms:
// whoever knows a public key could sign with it as if it were a secret.
const trust = process.env.JWT_SECRET_FILE
  ? { algorithms: ["HS256"], keysFor: secretsIn(process.env.JWT_SECRET_FILE) }
  : { algorithms: ["RS256", "ES256"], keysFor: publishedKeys() };

function publishedKeys() {
  const client = jwksClient({
    jwksUri: `${issuer}/.well-known/jwks.json`,
    timeout: 2_000, // ms
    cacheMaxAge: 600_000, // ms: this long a key is trusted that is published no more
    cacheMaxAgeFallback: 3_600_000, // ms: and this much longer while Doorward cannot be asked
    rateLimit: true, // per minute, or strangers could have us ask with every made-up `kid`
    jwksRequestsPerMinute: 10,
  });
  return async ({ kid }) => [(await client.getSigningKey(kid)).getPublicKey()];
}

class Refused extends Error {}

async function claimsOf(token) {
  const header = headerOf(token);
  // `typ` tells an access token from whatever else is signed with the same key (RFC 9068 §4).
  if (header?.typ !== "at+jwt") throw new Refused();
  for (const key of await trust.keysFor(header)) {
    try {
      const { algorithms } = trust;
      return jsonwebtoken.verify(token, key, { algorithms, issuer, audience: "api" });
    } catch {
      // Another of the secrets may have signed it.
    }
  }
  throw new Refused();
}

function headerOf(token) {
  try {
    return jsonwebtoken.decode(token, { complete: true })?.header;
  } catch {
    return undefined;
  }
}

async function answer(request) {
  if (request.method !== "GET" || request.url !== "/") return [404, { code: "not_found" }];
  try {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const { name, username } = await claimsOf(token);
    return [200, { response: `Hello, ${name ?? username ?? "there"}!` }];
  } catch (error) {
    const isRefusal = error instanceof Refused || error.name === "SigningKeyNotFoundError";
    if (isRefusal) return [401, { code: "invalid_token" }];
    // Nobody is a stranger only because Doorward cannot be asked.
    console.error("the keys cannot be had:", error.message);
    return [503, { code: "unavailable" }];
  }
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  if (status === 401) response.setHeader("WWW-Authenticate", 'Bearer realm="api"');
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
});
server.listen(Number(port), host, () => {
  console.log(`example listens on http://${host}:${server.address().port}`);
});
