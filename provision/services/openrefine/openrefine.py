"""Starts OpenRefine for one service of the workbench, and the door before it: python openrefine.py NAME [ROOT].

OpenRefine has no authentication, so it listens on an address of the VM's loopback that the units of notebooks may not
reach (IPAddressDeny=), and the door asks for the token. Heap and port stand in
/etc/notebox/workbench/services/NAME.json; projects lie in the service's state folder. ROOT is for tests, which also set
NOTEBOX_OPENREFINE, a program that stands for Java."""

import asyncio
import os
import socket
import sys
from urllib.parse import urlsplit

LIB = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = os.environ.get("NOTEBOX_LIB", LIB).split(":")

import tornado.web  # noqa: E402
from notebox_gate.access import Access  # noqa: E402
from notebox_gate.child import Child, answers, until_end  # noqa: E402
from notebox_gate.proxy import ProxyHandler  # noqa: E402
from notebox_gate.service import Service, address, begin_log, on_end  # noqa: E402

INSIDE = "127.77.0.1"
# Of the distribution's package, and of a release that the workbench names: its folder, and its jars within.
PACKAGE = ("/usr/share/openrefine", "server/*")
RELEASE = ("/opt/notebox/openrefine", "server/target/lib/*")
# Seconds; where the processor is emulated Java takes minutes.
STARTS_WITHIN = 600
# Seconds that it may take to write what it has in its memory before it is killed (TimeoutStopSec=45).
SAVING = 40
# Bytes: what people upload is limited by the disk alone.
MOST_SENT = 1 << 50


class OpenRefineHandler(ProxyHandler):
    def is_open(self):
        return self.settings["ready"].is_set()


def command(service, port, folder):
    """OpenRefine's own start script (refine) does no more than find these out."""
    heap = int(service.settings["memory"])
    place, jars = RELEASE if service.settings.get("source") else PACKAGE
    settings = {
        "refine.memory": f"{heap}M",
        "refine.headless": "true",
        "refine.autoreload": "false",
        "butterfly.autoreload": "false",
        "refine.data_dir": folder,
        "refine.webapp": f"{place}/webapp",
        "refine.interface": INSIDE,
        "refine.port": port,
        "refine.verbosity": "warn",
        "python.path": f"{place}/webapp/WEB-INF/lib/jython",
        "python.cachedir": f"{folder}/cachedir",
    }
    settings |= proxies(os.environ)
    options = [f"-D{name}={value}" for name, value in settings.items()]
    java = os.environ.get("NOTEBOX_OPENREFINE", "java")
    # A project that does not fit ends the program; systemd starts it anew, with all that was saved.
    return [java, "-Xms64M", f"-Xmx{heap}M", "-XX:+ExitOnOutOfMemoryError", "-cp", f"{place}/{jars}", *options, "com.google.refine.Refine"]


def proxies(env):
    """The host's proxies (host.env) as Java wants them; it does not look at the environment."""
    found = {}
    for scheme in ("http", "https"):
        try:
            proxy = urlsplit(env.get(f"{scheme}_proxy", ""))
            if proxy.hostname:
                found |= {f"{scheme}.proxyHost": proxy.hostname, f"{scheme}.proxyPort": proxy.port or 80}
        except ValueError:
            continue
    others = [name.strip() for name in env.get("no_proxy", "").split(",") if name.strip()]
    if found and others:
        found["http.nonProxyHosts"] = "|".join(f"*{name}" if name.startswith(".") else name for name in others)
    return found


def free_port():
    """Of the address inside; a service of the workbench may have any fixed one on all addresses."""
    with socket.socket() as one:
        one.bind((INSIDE, 0))
        return one.getsockname()[1]


async def main(name, root="/"):
    begin_log()
    service = Service(name, root)
    port = free_port()
    folder = service.state_folder()
    asked, ready = asyncio.Event(), asyncio.Event()
    on_end(asyncio.get_running_loop(), asked.set)
    application = tornado.web.Application(
        [(r".*", OpenRefineHandler)],
        access=Access(name, service.token),
        title="OpenRefine",
        upstream=(INSIDE, port, f"127.0.0.1:{port}"),
        ready=ready,
        log_function=lambda _handler: None,
    )
    application.listen(service.port, address(), max_body_size=MOST_SENT)
    env = {**os.environ, "HOME": folder}
    del env["CREDENTIALS_DIRECTORY"]
    child = await Child.start("OpenRefine", command(service, port, folder), env, folder)

    async def connect():
        _, writer = await asyncio.open_connection(INSIDE, port)
        writer.close()

    async def watch():
        if await answers(connect, STARTS_WITHIN):
            ready.set()
        else:
            print("notebox: OpenRefine does not answer", file=sys.stderr)
            asked.set()

    watching = asyncio.ensure_future(watch())
    await until_end([child], asked, SAVING)
    watching.cancel()


asyncio.run(main(*sys.argv[1:]))
