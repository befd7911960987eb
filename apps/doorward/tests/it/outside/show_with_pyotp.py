"""Reads an otpauth URI from standard input, and prints what pyotp makes of it, but for the secret.

Argument: the moment, in seconds since 1970, for which the code is shown.
"""

import json
import sys

import pyotp

app = pyotp.parse_uri(sys.stdin.read())
assert isinstance(app, pyotp.TOTP), app
print(
    json.dumps(
        {
            "issuer": app.issuer,
            "account": app.name,
            "digits": app.digits,
            "interval": app.interval,
            "algorithm": app.digest().name,
            "code": app.at(int(sys.argv[1])),
        }
    )
)
