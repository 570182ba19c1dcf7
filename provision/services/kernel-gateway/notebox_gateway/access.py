"""Who may ask: the pages that are listed (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol) and whoever has the
token. Also what of that the notebook does not get to see."""

import hmac
from urllib.parse import urlsplit

METHODS = "GET, PUT, POST, DELETE"
HEADERS = "authorization, content-type"
# How long a browser may remember a preflight. Seconds.
MAX_AGE = "600"
OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


class Access:
    def __init__(self, token, origins):
        if not token:
            raise ValueError("an empty token would mean that none is asked for")
        self.token, self.origins = token.encode(), frozenset(origins)

    def cors_headers(self, request):
        """For every answer, errors too: a page could not read them otherwise."""
        origin = request.headers.get("Origin")
        if origin not in self.origins:
            return {"Vary": "Origin"}
        headers = {"Vary": "Origin", "Access-Control-Allow-Origin": origin}
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = METHODS
            headers["Access-Control-Allow-Headers"] = HEADERS
            headers["Access-Control-Max-Age"] = MAX_AGE
        return headers

    def is_preflight(self, request):
        """One of a page that is listed; a stranger's is an OPTIONS like any other."""
        listed = request.headers.get("Origin") in self.origins
        return listed and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers

    def is_stranger(self, request):
        """A page that is not listed. Script managers of browsers have origins of their own, such as moz-extension:."""
        origin = request.headers.get("Origin")
        if origin is None or origin in self.origins:
            return False
        try:
            parts = urlsplit(origin)
            own = parts.hostname in OWN_HOSTS and parts.netloc == request.host
        except ValueError:
            return True
        return not own and (parts.scheme in ("http", "https") or not origin.partition(":")[1])

    def has_token(self, request):
        """As `Authorization: token T`, `Authorization: Bearer T` or `?token=T`."""
        given = [value for value in request.query_arguments.get("token", [])]
        scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() in ("token", "bearer"):
            given.append(value.strip().encode("utf-8", "surrogateescape"))
        # Each is compared, in a time that tells nothing.
        return any([hmac.compare_digest(each, self.token) for each in given])


def without_token(args, headers):
    """Query arguments and headers as the notebook may have them."""
    return (
        {name: values for name, values in args.items() if name != "token"},
        {name: value for name, value in headers.items() if name.lower() != "authorization"},
    )
