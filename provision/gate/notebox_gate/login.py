"""The door of a service whose pages know nothing of tokens: the token comes once, in the address (?token=…), and a cookie
takes its place. Everything else that is asked needs the cookie, or the token in a header."""

import html

import tornado.web

from .access import HEADERS, is_visit, without_token

FRAME = "frame-ancestors 'self'"
POLICY = f"default-src 'none'; style-src 'unsafe-inline'; {FRAME}"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{more}<title>{title}</title>
<style>body {{ max-width: 34rem; margin: 15vh auto; padding: 0 1.2rem; font: 1.05rem/1.6 system-ui, sans-serif }}</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


class Door:
    """Beside tornado's own handlers, before them in the list of bases; `access` is among the application's settings."""

    # Whether the service may answer already; until then people are shown that it starts.
    def is_open(self):
        return True

    def set_default_headers(self):
        self.clear_header("Server")
        self.set_header("Content-Security-Policy", FRAME)
        for name, value in HEADERS.items():
            self.set_header(name, "SAMEORIGIN" if name == "X-Frame-Options" else value)

    def lets_in(self):
        """True when the request may go on; else it has been answered."""
        access, request = self.settings["access"], self.request
        if not access.is_here(request):
            return self._refuse(403, "Not from here", "This page is for the computer alone that the workbench runs on.")
        given = self.get_query_argument("token", None)
        if given is not None and request.method == "GET":
            if not access.fits(given):
                return self._no_key("The key in this address is not this workbench's.")
            access.set_cookie(self)
            self.set_header("Cache-Control", "no-store")
            self.set_header("Connection", "close")
            self.redirect(without_token(request.uri), status=303)
            return False
        if access.has_header(request):
            return self._started()
        if access.is_stranger(request):
            return self._refuse(403, "Not from there", "Another page may not ask this.")
        # That it is starting is no secret, and the home page, which asks how it is, has no key to it.
        if not self._started():
            return False
        return access.has_cookie(request) or self._no_key("This page needs its key.")

    def _started(self):
        if self.is_open():
            return True
        self.set_header("Retry-After", "3")
        title = self.settings["title"]
        return self._refuse(503, f"{title} is starting", "This page goes on by itself.", '<meta http-equiv="refresh" content="3">')

    def _no_key(self, why):
        self.set_header("WWW-Authenticate", 'Bearer realm="notebox"')
        return self._refuse(401, "No key", f"{why} Open it from the workbench's page, which Start opens.")

    def _refuse(self, status, title, text, more=""):
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        # What the browser may still be sending is not read, and tornado ends the connection then.
        self.set_header("Connection", "close")
        if is_visit(self.request) or "text/html" in self.request.headers.get("Accept", ""):
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.set_header("Content-Security-Policy", POLICY)
            self.finish(PAGE.format(title=html.escape(title), text=html.escape(text), more=more))
        else:
            self.finish({"message": f"{title}: {text}"})
        return False


class NothingHandler(Door, tornado.web.RequestHandler):
    def prepare(self):
        if self.lets_in():
            raise tornado.web.HTTPError(404)
