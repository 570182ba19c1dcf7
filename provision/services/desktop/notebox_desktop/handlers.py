"""noVNC's pages, and the way from their websocket to the display's socket, all behind the door. The display asks nobody for
anything: its socket is the account's alone."""

import asyncio

import tornado.web
import tornado.websocket
from notebox_gate.login import Door

from .frame import look

PIECE = 1 << 16
# noVNC's settings (its docs/EMBEDDING.md): connect at once and again after a restart, and fit the window.
PAGE = "vnc.html?autoconnect=true&reconnect=true&reconnect_delay=2000&resize=scale&path=websockify"


class Behind(Door):
    def is_open(self):
        return self.settings["ready"].is_set()


class StartHandler(Behind, tornado.web.RequestHandler):
    def get(self):
        if self.lets_in():
            self.redirect(PAGE)


class PageHandler(Behind, tornado.web.StaticFileHandler):
    """noVNC as the distribution has it."""

    def prepare(self):
        self.lets_in()


class FrameHandler(Behind, tornado.web.RequestHandler):
    """What is on the display now, in numbers: for `notebox verify`."""

    async def get(self):
        if not self.lets_in():
            return
        try:
            self.finish(await asyncio.wait_for(look(self.settings["display"]), 10))
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            raise tornado.web.HTTPError(502, "The display does not answer.") from error


class DisplayHandler(Behind, tornado.websocket.WebSocketHandler):
    """Bytes of the RFB protocol (RFC 6143) in both directions, as they come."""

    writer = None

    def prepare(self):
        self.lets_in()

    def check_origin(self, origin):
        """lets_in has looked."""
        return True

    def select_subprotocol(self, subprotocols):
        return "binary" if "binary" in subprotocols else None

    async def open(self, *_args):
        self.set_nodelay(True)
        try:
            self.reader, self.writer = await asyncio.open_unix_connection(self.settings["display"])
        except OSError:
            self.close(1011, "the display does not answer")
            return
        self.passing = asyncio.ensure_future(self._pass())

    async def _pass(self):
        try:
            while piece := await self.reader.read(PIECE):
                await self.write_message(piece, binary=True)
        except (OSError, tornado.websocket.WebSocketClosedError):
            pass
        self.close()

    async def on_message(self, message):
        if self.writer is None:
            return
        try:
            self.writer.write(message if isinstance(message, bytes) else message.encode())
            await self.writer.drain()
        except OSError:
            self.close()

    def on_close(self):
        if self.writer is not None:
            self.passing.cancel()
            self.writer.close()
