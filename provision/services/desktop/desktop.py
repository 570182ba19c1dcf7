"""Starts the desktop for one service of the workbench: a virtual display, Xfce on it, and the door before both: python
desktop.py NAME [ROOT]. ROOT is for tests, whose PATH leads to programs that stand for the real ones."""

import asyncio
import os
import sys

LIB = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = os.environ.get("NOTEBOX_LIB", LIB).split(":")

import tornado.web  # noqa: E402
from notebox_desktop import session  # noqa: E402
from notebox_desktop.handlers import DisplayHandler, FrameHandler, PageHandler, StartHandler  # noqa: E402
from notebox_gate.access import Access  # noqa: E402
from notebox_gate.child import Child, answers, until_end  # noqa: E402
from notebox_gate.service import Service, address, begin_log, on_end  # noqa: E402

NOVNC = "usr/share/novnc"
# Seconds.
STARTS_WITHIN = 120


async def main(name, root="/"):
    begin_log()
    service = Service(name, root)
    folder = os.environ["RUNTIME_DIRECTORY"].split(":")[0]
    display, key = os.path.join(folder, "display"), os.path.join(folder, "xauthority")
    asked, ready = asyncio.Event(), asyncio.Event()
    on_end(asyncio.get_running_loop(), asked.set)
    pages = {"path": service.at(NOVNC)}
    handlers = [(r"/", StartHandler), (r"/websockify", DisplayHandler), (r"/frame", FrameHandler), (r"/(.*)", PageHandler, pages)]
    application = tornado.web.Application(
        handlers,
        access=Access(name, service.token),
        title="The desktop",
        display=display,
        ready=ready,
        # Keeps a connection open through whatever lies between.
        websocket_ping_interval=30,
        log_function=lambda _handler: None,
    )
    application.listen(service.port, address())
    session.write_key(key)
    session.write_autostart(service.settings.get("autostart", []), folder, root)
    geometry = (int(service.settings["width"]), int(service.settings["height"]))
    environment = session.session_environment(key, folder)
    children = [await Child.start("the display", session.display_command(display, key, geometry), environment)]

    async def connect():
        _, writer = await asyncio.open_unix_connection(display)
        writer.close()

    if await answers(connect, STARTS_WITHIN):
        home = os.environ["HOME"]
        children.append(await Child.start("the session", session.session_command(), environment, home))
        ready.set()
    else:
        print("notebox: the display does not answer", file=sys.stderr)
        asked.set()
    await until_end(children, asked)


asyncio.run(main(*sys.argv[1:]))
