"""Plays the runtime API of AWS Lambda: hands out the events on standard input, one JSON document a
line, and prints what the function answers to each."""

import http.server
import itertools
import sys

EVENTS = [line.encode() for line in sys.stdin.read().splitlines() if line]
NUMBERS = itertools.count()


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = next(NUMBERS)
        if number >= len(EVENTS):
            # There are no more events; as in a frozen function, no answer comes.
            self.close_connection = True
            return
        self.answer(
            200,
            EVENTS[number],
            {
                "Lambda-Runtime-Aws-Request-Id": f"event-{number}",
                "Lambda-Runtime-Deadline-Ms": "4102444800000",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:0:function:rotate",
            },
        )

    def do_POST(self):
        kind = self.path.rsplit("/", 1)[-1]
        print(kind, self.body().decode(), flush=True)
        self.answer(202, b"", {})

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
print(f"listens on {SERVER.server_port}", flush=True)
SERVER.serve_forever()
