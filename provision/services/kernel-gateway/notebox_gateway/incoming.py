"""A request's body: taken in only after its headers have been allowed, and only so much of it. Who is allowed, and what
the body is for, is the handlers'."""

import tornado.web
from tornado.httputil import HTTPInputError, parse_body_arguments

from .faults import RequestFault


@tornado.web.stream_request_body
class Incoming(tornado.web.RequestHandler):
    """Asks `refusal()` when the headers are there. A refused body that is not too large is read and thrown away first:
    whoever is still sending hears no answer."""

    def refusal(self):
        """RequestFault, or None."""
        raise NotImplementedError

    hangs_up = False

    def set_default_headers(self):
        if self.hangs_up:
            self.set_header("Connection", "close")

    def prepare(self):
        self.body, self.size, self.most = bytearray(), 0, self.settings["kg_personality"].max_body
        self.refused = self.refusal()
        announced = self.request.headers.get("Content-Length", "0")
        too_large = announced.isdecimal() and int(announced) > self.most
        if too_large and self.refused is None:
            self.refused = too_much(self.most)
        if self.refused is None:
            return
        # Whoever waits to be told to go on has not sent anything.
        if too_large or "Expect" in self.request.headers:
            self.hangs_up = True
            raise self.refused
        setattr(self, self.request.method.lower(), self.refuse)

    def refuse(self, *_args, **_kwargs):
        raise self.refused

    def data_received(self, chunk):
        self.size += len(chunk)
        if self.size > self.most:
            # Nobody had said how much there is. tornado closes the connection behind the answer.
            self.body.clear()
            self.hangs_up = True
            self.clear()
            self.write_fault(self.refused or too_much(self.most))
        elif self.refused is None:
            self.body += chunk

    def take_body(self):
        """Where tornado has it for handlers that do not stream. Raises HTTPError 400 when it is not what it says."""
        request = self.request
        request.body = bytes(self.body)
        self.body.clear()
        kind = request.headers.get("Content-Type", "")
        try:
            parse_body_arguments(kind, request.body, request.body_arguments, request.files, request.headers)
        except HTTPInputError as error:
            raise tornado.web.HTTPError(400, "Invalid body: %s", error) from None


def too_much(most):
    return RequestFault(413, "body", f"The request's body is larger than {most / 2**20:g} MiB, the most that is taken.")
