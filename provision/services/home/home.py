"""Starts the home page for one service of the workbench: python home.py NAME [ROOT]. ROOT is a folder that stands for /
in tests, which also set NOTEBOX_LISTEN and NOTEBOX_SYSTEMCTL."""

import asyncio
import os
import sys

LIB = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = os.environ.get("NOTEBOX_LIB", LIB).split(":")

from notebox_gate.service import Service, address, begin_log, on_end  # noqa: E402
from notebox_home.server import application  # noqa: E402
from notebox_home.states import States  # noqa: E402
from notebox_home.workbench import Workbench  # noqa: E402


async def main(name, root="/"):
    begin_log()
    service = Service(name, root)
    workbench = Workbench(service)
    systemctl = os.environ.get("NOTEBOX_SYSTEMCTL", "systemctl")
    folder = os.environ.get("NOTEBOX_PAGE", "/opt/notebox/share/home")
    application(service, workbench, States(workbench, (systemctl,)), folder).listen(service.port, address())
    ended = asyncio.Event()
    on_end(asyncio.get_running_loop(), ended.set)
    await ended.wait()


asyncio.run(main(*sys.argv[1:]))
