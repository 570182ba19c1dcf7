"""Who may come in: requests that this computer's browser sends to this very service, with its token. The token comes as
`Authorization: Bearer T` (or `token T`), once as `?token=T`, or later as the cookie that was set then."""

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode, urlsplit

OWN_HOSTS = ("127.0.0.1", "localhost", "::1")
# No address of ours goes to another page, nobody shows us in a frame, nothing is kept by the browser.
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Access:
    def __init__(self, name, token):
        if not token:
            raise ValueError("an empty token would mean that none is asked for")
        self.token = token.encode()
        # Browsers send a cookie to every port of a computer, so it holds no token: another service that gets to see it
        # can show it here and nowhere else, and cannot tell the token from it.
        self.cookie = f"notebox-{name}"
        self.pass_value = hmac.new(self.token, f"cookie of {name}".encode(), hashlib.sha256).hexdigest()

    def is_here(self, request):
        """The address names this computer. A page whose name somebody has pointed at it has another Host."""
        return _host(f"//{request.headers.get('Host', '')}") in OWN_HOSTS

    def is_stranger(self, request):
        """Sent by a page that is not this service's own; it need not have asked its user. Other ports of this computer are
        others, too: browsers call them the same site, and send them our cookie."""
        origin = request.headers.get("Origin")
        if origin is not None and (origin == "null" or _place(origin) != request.headers.get("Host")):
            return True
        return request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and not is_visit(request)

    def has_header(self, request):
        scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
        return scheme.lower() in ("token", "bearer") and self.fits(value.strip())

    def has_cookie(self, request):
        cookie = request.cookies.get(self.cookie)
        return cookie is not None and _same(cookie.value, self.pass_value)

    def fits(self, token):
        return _same(token, self.token)

    def set_cookie(self, handler):
        """Lax: a page that is opened from .notebox/open.html or from the home page has to be let in."""
        handler.set_cookie(self.cookie, self.pass_value, path="/", httponly=True, samesite="Lax")


def is_visit(request):
    """A person follows a link or opens a page: that may come from anywhere and changes nothing."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def without_token(uri):
    """The path and query without `token`, for the browser's address line. Never an address of another computer."""
    # Browsers read \ as / here, and //host as another computer.
    parts = urlsplit("/" + uri.lstrip("/\\"))
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "token"]
    return (parts.path or "/") + (f"?{urlencode(query)}" if query else "")


def _same(given, expected):
    """In a time that tells nothing."""
    raw = [each if isinstance(each, bytes) else each.encode("utf-8", "surrogateescape") for each in (given, expected)]
    return hmac.compare_digest(*raw)


def _host(address):
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _place(origin):
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme == "http" else None
