// Reads an access token from standard input and verifies it as most services in Node do: with
// `jsonwebtoken`, and `jwks-rsa` for the keys.
//
// Arguments: the issuer and the algorithm that the service insists on. With HS256 the secret is in
// JWT_SECRET. There is no EdDSA: `jsonwebtoken` does not know it.

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import jsonwebtoken from "jsonwebtoken";
import jwksClient from "jwks-rsa";

const [issuer, algorithm] = process.argv.slice(2);
const token = await text(process.stdin);
const { kid } = jsonwebtoken.decode(token, { complete: true }).header;
const key = await verifyingKey();

async function verifyingKey() {
  if (algorithm === "HS256") return process.env.JWT_SECRET;
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
  const discovery = await answer.json();
  assert.equal(discovery.issuer, issuer);
  assert.ok(discovery.id_token_signing_alg_values_supported.includes(algorithm));
  const client = jwksClient({ jwksUri: discovery.jwks_uri, timeout: 10_000 });
  await assert.rejects(() => client.getSigningKey("unknown"), { name: "SigningKeyNotFoundError" });
  return (await client.getSigningKey(kid)).getPublicKey();
}

function verify(token, different = {}) {
  const wanted = { algorithms: [algorithm], issuer, audience: "api", complete: true, ...different };
  const { header, payload } = jsonwebtoken.verify(token, key, wanted);
  // The library leaves it to its caller.
  assert.equal(header.typ, "at+jwt");
  // And it trusts a token without `exp` for ever.
  assert.ok(payload.exp);
  return payload;
}

// The same text but for its first character.
const other = (text) => (text[0] === "A" ? "B" : "A") + text.slice(1);

const claims = verify(token);
assert.ok(kid);
assert.equal(claims.name, "Ada Lovelace");

const [head, body, signature] = token.split(".");
const later = Math.floor(Date.now() / 1000) + 901;
const refusals = [
  ["invalid signature", `${head}.${body}.${other(signature)}`],
  [/^invalid (signature|token)$/, `${head}.${other(body)}.${signature}`],
  [/^jwt audience invalid/, token, { audience: "other" }],
  [/^jwt issuer invalid/, token, { issuer: "https://other.example.com" }],
  ["jwt expired", token, { clockTimestamp: later }],
  ["invalid algorithm", token, { algorithms: ["RS512", "ES512", "HS512"] }],
];
for (const [message, token, different] of refusals) {
  assert.throws(() => verify(token, different), { message }, JSON.stringify(different));
}

console.log("trusted");
