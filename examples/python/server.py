"""A service that trusts Doorward's access tokens: it greets by name whoever brings a good one."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ.get("DOORWARD_ISSUER", "http://127.0.0.1:8080")
HOST, PORT = os.environ.get("LISTEN", "127.0.0.1:8083").rsplit(":", 1)

# Either a secret that Doorward and we share, or what Doorward publishes. Never both algorithms:
# whoever knows a public key could sign with it as if it were a secret.
SECRET = os.environ.get("JWT_SECRET")
ALGORITHMS = ["HS256"] if SECRET else ["RS256", "ES256", "EdDSA"]
# Asked again after `lifespan` seconds: this long a key is trusted that is published no more.
PUBLISHED = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300, timeout=2)


def claims_of(token):
    # `typ` tells an access token from whatever else is signed with the same key (RFC 9068 §4).
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("no access token")
    return jwt.decode(
        token,
        SECRET or PUBLISHED.get_signing_key_from_jwt(token),
        algorithms=ALGORITHMS,
        audience="api",
        issuer=ISSUER,
        options={"require": ["exp"]},
    )


def answer(path, authorization):
    if path != "/":
        return 404, {"code": "not_found"}
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return 401, {"code": "invalid_token"}
    try:
        claims = claims_of(token.strip())
    except jwt.PyJWKClientConnectionError as error:
        # Nobody is a stranger only because Doorward cannot be asked.
        print(f"the keys cannot be had: {error}", file=sys.stderr)
        return 503, {"code": "unavailable"}
    except jwt.PyJWTError:
        return 401, {"code": "invalid_token"}
    name = claims.get("name") or claims.get("username") or "there"
    return 200, {"response": f"Hello, {name}!"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = answer(self.path, self.headers.get("Authorization", ""))
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="api"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    with ThreadingHTTPServer((HOST, int(PORT)), Handler) as server:
        print(f"example listens on http://{HOST}:{server.server_port}", flush=True)
        server.serve_forever()
