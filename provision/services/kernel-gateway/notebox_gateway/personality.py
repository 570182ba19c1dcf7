"""What the kernel gateway asks of a personality (kernel_gateway/gatewayapp.py): made before the server listens, then
handlers, then the kernels, and the end. The subject itself is in service.py."""

import asyncio
import atexit
import json
import os
import sys
import threading

from kernel_gateway.notebook_http import NotebookHTTPPersonality
from kernel_gateway.notebook_http.cell.parser import create_parser
from traitlets import Float, Integer
from traitlets.config.configurable import LoggingConfigurable

from .access import Access
from .faults import StartFault
from .handlers import handlers
from .service import Service

# Requests that are under way have this long to end when the service is stopped. Seconds.
DRAIN = 2
# systemd gives ten seconds (TimeoutStopSec=): whatever hangs, the process is gone before.
STOPS_WITHIN = 8
KILLS_WITHIN = 4


class NoteboxPersonality(NotebookHTTPPersonality):
    """The stock options (static_path, comment_prefix, …) stay; KG_SEED_URI is not used: the notebook is read here, so
    that it can be read again, and seeded here, so that a failure has a cell and an end."""

    seed_timeout = Float(300, config=True, help="How long all cells of the start may take together, in seconds.")
    # While a body is read as JSON and quoted for the kernel nobody else is served (some tenths of a second), and IPython
    # takes seconds for each MiB that it is sent as code.
    max_body = Integer(4 * 2**20, config=True, help="The largest body of a request, in bytes.")
    watch_interval = Float(1, config=True, help="Pause between two looks at the notebook's file, in seconds.")

    def __init__(self, parent, log):
        LoggingConfigurable.__init__(self, parent=parent, log=log)
        # Kernels inherit the environment: this is none of theirs.
        settings = json.loads(os.environ.pop("NOTEBOX_SERVICE"))
        self.access = Access(parent.auth_token, settings["origins"])
        self.service = Service(settings, self)
        self.requests = set()
        try:
            self.service.read_first()
        except StartFault as fault:
            self.service.lost(fault)

    def parser_for(self, language, cells):
        """The stock parser of annotations, for the notebook's language."""
        prefix = self.comment_prefix.get(language, "#")
        return create_parser(parent=self, log=self.log, comment_prefix=prefix, notebook_cells=cells)

    def create_request_handlers(self):
        return handlers(self)

    async def init_configurables(self):
        if not self.service.ending:
            self.service.start()

    def should_seed_cell(self, _code):
        """Never asked: the gateway knows of no notebook."""
        return False

    def end(self, refusal):
        """Ends the process with 1, with every request answered that waits. Before there are kernels: at once."""
        if self.service.pool is None:
            sys.exit(1)
        exit_after(STOPS_WITHIN, 1)

        async def close():
            await self._close(refusal)
            os._exit(1)

        self.closing = asyncio.ensure_future(close())

    async def shutdown(self):
        """After SIGTERM. The server takes no more connections; returns when no kernel is left."""
        exit_after(STOPS_WITHIN, 0)
        self.service.ending = True
        if self.requests:
            await asyncio.wait(self.requests, timeout=DRAIN)
        await self._close(None)
        # Nothing is left to lose; ZeroMQ would wait some seconds for messages to kernels that are gone.
        atexit.register(os._exit, 0)

    async def _close(self, refusal):
        try:
            async with asyncio.timeout(KILLS_WITHIN):
                await self.service.stop(refusal)
                if self.requests:
                    await asyncio.wait(self.requests)
        except TimeoutError:
            self.log.warning("Not everything has ended in time.")


def exit_after(seconds, code):
    """A thread, because the event loop may be what hangs."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


def create_personality(parent, log):
    return NoteboxPersonality(parent, log)
