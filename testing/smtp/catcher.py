"""An SMTP server for tests: it takes mails, or misbehaves as its arguments say.

It listens on 127.0.0.1, prints its port on the first line, and then one line of JSON for each mail
that it took:

- connection: which connection it came over, counted from 1; tls: whether that was encrypted;
  user: who had signed in.
- from, to: the envelope. data: the mail as it came.
- headers: pairs of name and decoded value; text, html: the decoded parts.

It ends when its standard input does, so that it does not outlive the test that started it.
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="write mails to this file and not to standard output")
    parser.add_argument("--tls", action="store_true", help="TLS from the first byte")
    parser.add_argument("--starttls", action="store_true", help="offer STARTTLS, and require it")
    parser.add_argument("--cert", help="certificate chain, PEM")
    parser.add_argument("--key", help="private key, PEM")
    parser.add_argument("--auth", metavar="USER:PASS", help="require these credentials")
    parser.add_argument(
        "--refuse-recipient", action="store_true", help="550 for addresses that begin with bounce"
    )
    parser.add_argument("--refuse-all-with", metavar="CODE", type=int, help="refuse every mail")
    parser.add_argument(
        "--refuse-at", choices=["mail", "rcpt", "data"], default="rcpt", help="at which command"
    )
    parser.add_argument("--hang", action="store_true", help="accept connections, never speak")
    parser.add_argument(
        "--die-in-data", action="store_true", help="close the connection within a mail"
    )
    parser.add_argument(
        "--die-times", metavar="N", type=int, default=1, help="on the first N connections"
    )
    return parser.parse_args()


class Handler:
    """Takes mails and refuses what it is told to refuse."""

    def __init__(self, options, out):
        self.options = options
        self.out = out

    def refusal(self, command, address):
        """The answer that echoes the address, as real servers do."""
        code = self.options.refuse_all_with
        if code is None or self.options.refuse_at != command:
            return None
        return f"{code} {code // 100}.7.1 <{address}>: refused"

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = self.refusal("mail", address)
        if refusal is None:
            envelope.mail_from = address
        return refusal or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = self.refusal("rcpt", address)
        if self.options.refuse_recipient and address.startswith("bounce"):
            refusal = f"550 5.1.1 <{address}>: no such user"
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = self.refusal("data", envelope.rcpt_tos[0])
        if refusal is None:
            parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
            mail = {
                "connection": server.number,
                "tls": session.ssl is not None or server.is_wrapped,
                "user": session.auth_data,
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "data": envelope.content.decode("utf-8", "surrogateescape"),
                "headers": [[name, str(value)] for name, value in parsed.items()],
                "text": words(parsed, "plain"),
                "html": words(parsed, "html"),
            }
            print(json.dumps(mail), file=self.out, flush=True)
        return refusal or "250 OK"


def words(mail, kind):
    """The decoded part of that kind, if there is one."""
    part = mail.get_body((kind,))
    return part and part.get_content().replace("\r\n", "\n")


class Server(SMTP):
    """A connection, which knows its number and may die within a mail."""

    connections = 0

    def __init__(self, handler, options, **rest):
        super().__init__(handler, **rest)
        Server.connections += 1
        self.number = Server.connections
        self.options = options
        self.is_wrapped = options.tls

    async def smtp_DATA(self, arg):
        if not self.options.die_in_data or self.number > self.options.die_times:
            return await super().smtp_DATA(arg)
        await self.push("354 go on")
        await self._reader.readline()
        self.transport.abort()


def authenticator(options):
    """Accepts the credentials that are asked for."""
    if not options.auth:
        return None
    user, _, password = options.auth.partition(":")

    def authenticate(server, session, envelope, mechanism, data):
        offered = (data.login.decode(), data.password.decode())
        if offered == (user, password):
            return AuthResult(success=True, auth_data=user)
        # Tells what it was sent, so that tests see that nobody repeats it.
        told = base64.b64encode(data.password).decode()
        message = f"535 5.7.8 {data.login.decode()} {data.password.decode()} {told}"
        return AuthResult(success=False, handled=False, message=message)

    return authenticate


async def hang(reader, writer):
    await reader.read()


async def main():
    options = arguments()
    out = open(options.out, "a", encoding="utf-8") if options.out else sys.stdout
    context = None
    if options.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.cert, options.key)
    handler = Handler(options, out)
    authenticate = authenticator(options)
    loop = asyncio.get_running_loop()

    def accept():
        return Server(
            handler,
            options,
            hostname="catcher.example",
            tls_context=context if options.starttls else None,
            require_starttls=options.starttls,
            authenticator=authenticate,
            auth_required=authenticate is not None,
            # aiosmtpd cannot see TLS that was there before it.
            auth_require_tls=options.starttls,
            loop=loop,
        )

    if options.hang:
        server = await asyncio.start_server(hang, "127.0.0.1", 0)
    else:
        tls = context if options.tls else None
        server = await loop.create_server(accept, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main())
