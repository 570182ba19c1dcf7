"""Hands requests that were let in to a program on the VM's loopback, and its answers back, piece by piece: neither is ever
held whole. HTTP/1.0 to the program, so that the end of its answer is the end of the connection (RFC 9112, 6.3)."""

import asyncio
from http.client import responses

import tornado.web

from .login import Door

# Of one connection alone (RFC 9110, 7.6.1), or of the way from the browser to here.
OURS = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
NOT_SENT = OURS | {"authorization", "cookie", "expect", "host", "x-forwarded-for"}
PIECE = 1 << 16
MOST_HEAD = 1 << 16


@tornado.web.stream_request_body
class ProxyHandler(Door, tornado.web.RequestHandler):
    """`upstream` among the application's settings: (address, port, Host)."""

    writer = None

    async def prepare(self):
        if not self.lets_in():
            return
        headers = self.request.headers
        if "Transfer-Encoding" in headers:
            raise tornado.web.HTTPError(411, "A length is needed.")
        address, port, _ = self.settings["upstream"]
        try:
            self.reader, self.writer = await asyncio.open_connection(address, port, limit=MOST_HEAD)
            self.writer.write(self._head())
        except OSError as error:
            raise tornado.web.HTTPError(502, "%s does not answer", self.settings["title"]) from error

    def _head(self):
        _, _, host = self.settings["upstream"]
        lines = [f"{self.request.method} {self.request.uri} HTTP/1.0", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.request.headers.get_all() if name.lower() not in NOT_SENT]
        # The door's cookies are nobody's business behind it.
        given = [(name, morsel.coded_value) for name, morsel in self.request.cookies.items()]
        cookies = [f"{name}={value}" for name, value in given if not name.startswith("notebox-")]
        return "\r\n".join([*lines, *([f"Cookie: {'; '.join(cookies)}"] if cookies else []), "", ""]).encode("latin-1")

    async def data_received(self, chunk):
        if self.writer is None:
            return
        try:
            self.writer.write(chunk)
            await self.writer.drain()
        except ConnectionError:
            # It has answered already, and may have good reason not to read on.
            pass

    async def answer(self, *_args):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            self._begin(head.decode("latin-1"))
            while piece := await self.reader.read(PIECE):
                if self.request.method != "HEAD":
                    self.write(piece)
                    await self.flush()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
            if not self._headers_written:
                raise tornado.web.HTTPError(502, "%s broke off", self.settings["title"]) from error
            # What was promised does not come: the browser has to notice.
            self.request.connection.stream.close()
            return
        finally:
            self._hang_up()
        self.finish()

    get = head = post = put = delete = options = patch = answer

    def _begin(self, head):
        first, *lines = head.split("\r\n")
        status = int(first.split(" ")[1])
        self.set_status(status, responses.get(status, "Unknown"))
        self.clear_header("Content-Type")
        _, _, host = self.settings["upstream"]
        for line in lines:
            name, _, value = line.partition(":")
            value = value.strip()
            if not value or name.lower() in OURS or name.lower() in ("server", "date"):
                continue
            if name.lower() == "location":
                value = value.removeprefix(f"http://{host}")
            self.add_header(name, value) if name.lower() == "set-cookie" else self.set_header(name, value)

    def on_connection_close(self):
        self._hang_up()

    def _hang_up(self):
        if self.writer is not None:
            self.writer.close()

    def write_error(self, status_code, **kwargs):
        self.set_header("Connection", "close")
        error = kwargs.get("exc_info", (None, None, None))[1]
        text = str(error.log_message % error.args) if isinstance(error, tornado.web.HTTPError) and error.log_message else self._reason
        self.finish({"message": text})
