// Signs tokens as services do that share a secret and have never heard of us.
//
//   JWT_SECRET=… node sign_with_jsonwebtoken.mjs <more-claims.json
//
// Prints one JSON object of tokens: `plain` and `typed` have the claims of two services as they are,
// `refresh` is a refresh token of the second, `expired` and `endless` are `plain` but for `exp`.
// Standard input may hold a JSON object of claims that each gets besides, such as `iss` and `aud`.

import { text } from "node:stream/consumers";
import jsonwebtoken from "jsonwebtoken";

const more = JSON.parse((await text(process.stdin)) || "{}");

function sign(claims, lifetime) {
  return jsonwebtoken.sign({ ...claims, ...more }, process.env.JWT_SECRET, lifetime);
}

const person = { sub: "user_1", name: "Ada Lovelace", role: "USER" };
const account = { sub: "user_1", username: "ada", email: "ada@example.com" };

console.log(
  JSON.stringify({
    plain: sign(person, { expiresIn: "15m" }),
    typed: sign({ ...account, type: "access", role: "USER" }, { expiresIn: "15m" }),
    refresh: sign({ ...account, type: "refresh", role: "USER" }, { expiresIn: "7d" }),
    expired: sign(person, { expiresIn: "-1m" }),
    endless: sign(person, {}),
  }),
);
