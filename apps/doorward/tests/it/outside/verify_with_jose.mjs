// Reads an access token from standard input and verifies it as a service in JavaScript would.
//
// Arguments: the issuer and the algorithm that the service insists on. With HS256 the secret is in
// JWT_SECRET.

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const [issuer, algorithm] = process.argv.slice(2);
const token = await text(process.stdin);
const keys = await verifyingKeys();

async function verifyingKeys() {
  if (algorithm === "HS256") return new TextEncoder().encode(process.env.JWT_SECRET);
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
  const discovery = await answer.json();
  assert.equal(discovery.issuer, issuer);
  assert.ok(discovery.id_token_signing_alg_values_supported.includes(algorithm));
  return createRemoteJWKSet(new URL(discovery.jwks_uri));
}

function verify(token, different = {}) {
  return jwtVerify(token, keys, {
    algorithms: [algorithm],
    issuer,
    audience: "api",
    typ: "at+jwt",
    requiredClaims: ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid"],
    ...different,
  });
}

// The same text but for its first character.
const other = (text) => (text[0] === "A" ? "B" : "A") + text.slice(1);

const { payload, protectedHeader } = await verify(token);
assert.ok(protectedHeader.kid);
assert.equal(payload.name, "Ada Lovelace");

const [head, claims, signature] = token.split(".");
const { JWTClaimValidationFailed, JWTExpired, JWSSignatureVerificationFailed } = errors;
const refusals = [
  [JWSSignatureVerificationFailed, `${head}.${claims}.${other(signature)}`],
  [JWSSignatureVerificationFailed, `${head}.${other(claims)}.${signature}`],
  [JWTClaimValidationFailed, token, { audience: "other" }],
  [JWTClaimValidationFailed, token, { issuer: "https://other.example.com" }],
  [JWTClaimValidationFailed, token, { typ: "jwt" }],
  [JWTExpired, token, { currentDate: new Date(Date.now() + 901_000) }],
  [errors.JOSEAlgNotAllowed, token, { algorithms: ["PS256"] }],
];
for (const [error, token, different] of refusals) {
  await assert.rejects(() => verify(token, different), error, JSON.stringify(different));
}

console.log("trusted");
