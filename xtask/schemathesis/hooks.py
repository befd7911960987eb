"""Values for the contract check that only a running service can give: a signed-in user and what belongs to it.

Schemathesis makes requests up from the schema. Made-up credentials and tokens see nothing but refusals, so
every second well-formed request gets real ones. Calls that end the session are followed by a new user.
"""

import base64
import itertools
import json
import urllib.request
import zlib

import pyotp
import schemathesis

PASSWORD = "correct horse battery staple"

# After these, the user or the session that we know may be gone or ask for more than we know.
ENDS_SESSION = {
    "changePassword",
    "confirmPasswordReset",
    "deleteCurrentUser",
    "endSession",
    "logoutEverywhere",
    "logoutUser",
    "verifyMfaSetup",
}

# Members that stand beside what we send, and make it wrong.
OTHER_NAMES = {
    "loginUser": ("username", "identifier"),
    "setupMfa": ("sessionToken",),
    "verifyMfaSetup": ("sessionToken",),
    # Who has no second factor needs no code.
    "stepUp": ("code", "backupCode"),
}

numbers = itertools.count(1)


def fresh_email():
    return f"contract-{next(numbers)}@example.com"


class User:
    """A registered user with one session."""

    def __init__(self, base_url):
        self.email = fresh_email()
        credentials = {"email": self.email, "password": PASSWORD}
        post(base_url, "/auth/register", credentials)
        tokens = post(base_url, "/auth/login", credentials)
        self.access_token = tokens["accessToken"]
        self.refresh_token = tokens["refreshToken"]

    @property
    def session_id(self):
        payload = self.access_token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]


    def first_code(self, base_url):
        """The code that enables a second factor, which is set up for it."""
        factor = post(base_url, "/auth/mfa/setup", {}, self.access_token)
        return pyotp.parse_uri(factor["otpauthUri"]).now()


class CurrentUser:
    """The user that requests are made as; another one whenever the last has ended."""

    def __init__(self):
        self.user = None

    def of(self, operation):
        if self.user is None:
            self.user = User(operation.schema.get_base_url())
        return self.user

    def forget(self):
        self.user = None


current = CurrentUser()


def post(base_url, path, body, access_token=None):
    request = urllib.request.Request(
        base_url.rstrip("/") + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    if access_token is not None:
        request.add_header("Authorization", f"Bearer {access_token}")
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """Asked before every request, so that none is made with a session that we know to be over."""

    def get(self, case, context):
        return current.of(case.operation).access_token

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    if is_left_as_made(case):
        return
    if operation_id(case) == "endSession":
        for name in case.path_parameters:
            case.path_parameters[name] = current.of(case.operation).session_id
    if isinstance(case.body, dict):
        case.body = {**without_other_names(case), **real_values(case)}


def without_other_names(case):
    """A sign-in gives one name; ours takes the place of whichever was made up. A bearer is enough to
    set up a factor."""
    others = OTHER_NAMES.get(operation_id(case), ())
    return {name: value for name, value in case.body.items() if name not in others}


def is_left_as_made(case):
    """One half of the requests, the same half in every run: a failure must be repeatable."""
    made = json.dumps([case.body if isinstance(case.body, dict) else None, case.path_parameters], default=str)
    return zlib.crc32(made.encode()) % 2 == 0


def real_values(case):
    match operation_id(case):
        case "registerUser":
            return {"email": fresh_email(), "password": PASSWORD}
        case "loginUser":
            return {"email": current.of(case.operation).email, "password": PASSWORD}
        case "refreshToken" | "logoutUser":
            return {"refreshToken": current.of(case.operation).refresh_token}
        case "changePassword":
            return {"currentPassword": PASSWORD}
        case "stepUp" | "disableMfa":
            return {"password": PASSWORD}
        case "verifyMfaSetup":
            base_url = case.operation.schema.get_base_url()
            return {"code": current.of(case.operation).first_code(base_url)}
    return {}


@schemathesis.hook
def after_call(context, case, response):
    user = current.user
    if user is None:
        return
    name = operation_id(case)
    has_succeeded = response.status_code < 400
    if name == "refreshToken" and has_succeeded:
        user.refresh_token = json.loads(response.content)["refreshToken"]
    sent = response.request.headers.get("Authorization")
    is_refused = response.status_code == 401 and sent == f"Bearer {user.access_token}"
    if is_refused or (name in ENDS_SESSION and has_succeeded):
        current.forget()
