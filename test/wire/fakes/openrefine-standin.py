#!/usr/bin/env python3
"""Stands for Java with OpenRefine: listens where it is told and tells what it was asked. Ends on POST /end; writes to the
file `ended` when it is asked to end."""

import hashlib
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

settings = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if argument.startswith("-D"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        digest, size, length = hashlib.sha256(), 0, int(self.headers.get("Content-Length") or 0)
        while size < length and (piece := self.rfile.read(min(65536, length - size))):
            digest.update(piece)
            size += len(piece)
        if self.path == "/end":
            os._exit(1)
        if self.path.startswith("/large"):
            return self.large(int(self.path.rpartition("/")[2]))
        if self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return None
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/project")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "sha256": digest.hexdigest(), "size": size, "arguments": sys.argv[1:]}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "one=1")
        self.send_header("Set-Cookie", "two=2")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(body)

    def large(self, size):
        """Without a length, and with a pause after the first piece."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        time.sleep(0.3)
        for _ in range(size):
            self.wfile.write(b"x" * 1048576)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


def end(*_):
    with open("ended", "w", encoding="ascii") as file:
        file.write("asked")
    os._exit(0)


signal.signal(signal.SIGTERM, end)
time.sleep(float(os.environ.get("STANDIN_WAIT", "0")))
ThreadingHTTPServer((settings["refine.interface"], int(settings["refine.port"])), Handler).serve_forever()
