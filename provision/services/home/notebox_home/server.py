"""HTTP of the home page. The page itself holds nothing about this workbench and goes to everybody; what it asks for needs
the token, as `Authorization: Bearer T`. The page has it from the part of its address that no browser sends (#token=…), so
it is in no cookie, which other ports would see, in no log and in no referrer."""

import json
import os

import tornado.web
from notebox_gate.access import HEADERS, Access
from tornado.escape import json_decode

from .routes import Refused, call, routes
from .workbench import machine

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
# What a page may send to be tried on a route.
MOST_SENT = 1 << 20


def application(service, workbench, states, folder):
    access = Access(service.name, service.token)
    given = {"access": access, "workbench": workbench, "states": states}
    return tornado.web.Application(
        [
            (r"/api/state", StateHandler, given),
            (r"/api/routes/([a-z0-9-]+)", RoutesHandler, given),
            (r"/api/try/([a-z0-9-]+)", TryHandler, given),
            (r"/(page\.css|colours\.css|page\.js)?", PageHandler, {"access": access, "folder": folder}),
            (r".*", NothingHandler, {"access": access}),
        ],
        log_function=lambda _handler: None,
    )


class Handler(tornado.web.RequestHandler):
    def initialize(self, access, **given):
        self.access = access
        for name, value in given.items():
            setattr(self, name, value)

    def set_default_headers(self):
        self.clear_header("Server")
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Cache-Control", "no-store")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self):
        if not self.access.is_here(self.request):
            raise tornado.web.HTTPError(403, "This page is for this computer alone.")

    def answer(self, value, status=200):
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))

    def write_error(self, status_code, **kwargs):
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = (error.log_message or "") if isinstance(error, tornado.web.HTTPError) else ""
        if isinstance(error, Refused):
            status_code, message = 502, str(error)
        self.answer({"message": message or self._reason}, status_code)

    def log_exception(self, kind, value, traceback):
        if not isinstance(value, Refused):
            super().log_exception(kind, value, traceback)


class PageHandler(Handler):
    def get(self, name):
        name = name or "page.html"
        self.set_header("Content-Type", f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8")
        with open(os.path.join(self.folder, name), "rb") as file:
            self.finish(file.read())


class NothingHandler(Handler):
    def get(self):
        raise tornado.web.HTTPError(404)


class Guarded(Handler):
    def prepare(self):
        super().prepare()
        if self.access.is_stranger(self.request):
            raise tornado.web.HTTPError(403, "Another page may not ask this.")
        if not self.access.has_header(self.request):
            self.set_header("WWW-Authenticate", 'Bearer realm="notebox"')
            raise tornado.web.HTTPError(401, "The token is missing or wrong.")

    def gateway(self, name):
        """(port, token) of a service that serves an API notebook."""
        found = next((each for each in self.workbench.services() if each["name"] == name), {})
        token = self.workbench.token(name)
        if found.get("kind") != "kernel-gateway" or token is None:
            raise tornado.web.HTTPError(404, "There is no such API.")
        return found["port"], token


class StateHandler(Guarded):
    async def get(self):
        pages = self.workbench.pages()
        services = [self.with_page(each, pages.get(each["name"], {})) for each in await self.states.all()]
        self.answer({"title": self.workbench.title(), "services": services, "machine": machine()})

    def with_page(self, service, page):
        """Its own port is the VM's matter; what a browser opens is its port on the computer."""
        told = {name: value for name, value in service.items() if name != "port"}
        told["title"] = page.get("title") or service["name"]
        told["routes"] = service["kind"] == "kernel-gateway"
        address, port, token = page.get("page"), page.get("port"), self.workbench.token(service["name"])
        if isinstance(address, str) and isinstance(port, int):
            told["page"] = {"port": port, "address": address.replace("{token}", token or "")}
        return told


class RoutesHandler(Guarded):
    async def get(self, name):
        self.answer(await routes(*self.gateway(name)))


class TryHandler(Guarded):
    async def post(self, name):
        gateway = self.gateway(name)
        if len(self.request.body) > MOST_SENT:
            raise tornado.web.HTTPError(413, "That is more than can be sent from here (1 MiB).")
        try:
            asked = json_decode(self.request.body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise tornado.web.HTTPError(400, "This is no JSON object.")
        self.answer(await call(*gateway, asked))
