"""Reads an access token from standard input and verifies it as a service in Python would.

Arguments: the issuer and the algorithm that the service insists on. With HS256 the secret is in
JWT_SECRET.
"""

import os
import sys

import jwt

issuer, algorithm = sys.argv[1:]
token = sys.stdin.read()


def verifying_key():
    if algorithm == "HS256":
        return os.environ["JWT_SECRET"]
    return jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token).key


def verify(text, **expected):
    expected = {"audience": "api", "issuer": issuer, **expected}
    return jwt.decode(text, verifying_key(), algorithms=[algorithm], **expected)


def refuses(error, text, **expected):
    try:
        verify(text, **expected)
    except error:
        return
    raise AssertionError(f"{error.__name__} was to be expected")


header = jwt.get_unverified_header(token)
assert header["alg"] == algorithm, header
assert header["typ"] == "at+jwt", header
assert header["kid"], header

required = ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid"]
claims = verify(token, options={"require": required})
assert claims["aud"] == "api", claims
assert claims["name"] == "Ada Lovelace", claims
assert claims["roles"] == ["USER"] and claims["role"] == "USER", claims
assert claims["exp"] - claims["iat"] == 900, claims
assert None not in claims.values(), claims
assert "email" not in claims, "nobody has verified it"

signed, signature = token.rsplit(".", 1)
other_signature = ("A" if signature[0] != "A" else "B") + signature[1:]
refuses(jwt.InvalidSignatureError, f"{signed}.{other_signature}")
refuses(jwt.InvalidAudienceError, token, audience="other")
refuses(jwt.InvalidIssuerError, token, issuer="https://other.example.com")

print("trusted")
