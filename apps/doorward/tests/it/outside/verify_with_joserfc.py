"""Reads an access token from standard input and verifies it as a service in Python would.

Arguments: the issuer and the algorithm that the service insists on. With HS256 the secret is in
JWT_SECRET.
"""

import json
import os
import sys
import time
import warnings
from urllib.request import urlopen

from joserfc import errors, jwt
from joserfc.jwk import KeySet, OctKey

# Newer names for `EdDSA` (RFC 9864) are not yet what verifiers know.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")

issuer, algorithm = sys.argv[1:]
token = sys.stdin.read()


def document_at(url):
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def verifying_keys():
    if algorithm == "HS256":
        return OctKey.import_key(os.environ["JWT_SECRET"])
    discovery = document_at(f"{issuer}/.well-known/openid-configuration")
    assert discovery["issuer"] == issuer, discovery
    assert algorithm in discovery["id_token_signing_alg_values_supported"], discovery
    return KeySet.import_key_set(document_at(discovery["jwks_uri"]))


keys = verifying_keys()


def verify(text, algorithm=algorithm, audience="api", issuer=issuer, now=None, typ="at+jwt"):
    verified = jwt.decode(text, keys, algorithms=[algorithm])
    # The library leaves it to its caller.
    if verified.header["typ"] != typ:
        raise errors.InvalidHeaderValueError(f"typ {verified.header['typ']}")
    wanted = {name: {"essential": True} for name in ["sub", "client_id", "jti", "sid", "exp"]}
    wanted["iss"] = {"essential": True, "value": issuer}
    wanted["aud"] = {"essential": True, "value": audience}
    jwt.JWTClaimsRegistry(now=now, **wanted).validate(verified.claims)
    return verified


def refuses(error, text, **expected):
    try:
        verify(text, **expected)
    except error:
        return
    raise AssertionError(f"{error.__name__} was to be expected of {expected}")


def other(text):
    """The same text but for its first character."""
    return ("A" if text[0] != "A" else "B") + text[1:]


verified = verify(token)
assert verified.header["kid"], verified.header
assert verified.claims["name"] == "Ada Lovelace", verified.claims

head, claims, signature = token.split(".")
refuses(errors.BadSignatureError, f"{head}.{claims}.{other(signature)}")
refuses(errors.BadSignatureError, f"{head}.{other(claims)}.{signature}")
refuses(errors.InvalidClaimError, token, audience="other")
refuses(errors.InvalidClaimError, token, issuer="https://other.example.com")
refuses(errors.ExpiredTokenError, token, now=int(time.time()) + 901)
refuses(errors.InvalidHeaderValueError, token, typ="jwt")
refuses(errors.UnsupportedAlgorithmError, token, algorithm="PS256")

print("trusted")
