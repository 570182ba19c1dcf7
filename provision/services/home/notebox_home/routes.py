"""The routes of an API notebook, from what its gateway says of itself (/_api/spec), and one request to one of them. It is
asked from here, so that a page of this computer needs neither the gateway's token nor a place in its list of origins."""

import json
import time
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from tornado.httputil import HTTPHeaders

METHODS = ("get", "post", "put", "delete")
# Of an answer; the rest is not shown.
MOST_BYTES = 200_000
# Seconds beside the service's own limit.
MARGIN = 5


class Refused(Exception):
    """What was asked for is no route, or its service does not answer; the text says which."""


async def routes(port, token):
    """Title and routes of the notebook that is served on that port."""
    spec = await _spec(port, token)
    found = []
    for path, operations in _dictionary(spec.get("paths")).items():
        for method, operation in _dictionary(operations).items():
            if method in METHODS and isinstance(operation, dict):
                found.append(_route(method, path, operation))
    return {"title": str(_dictionary(spec.get("info")).get("title", "")), "routes": found}


def _route(method, path, operation):
    given = [each for each in operation.get("parameters", []) if isinstance(each, dict)]
    parameters = [
        {"name": str(each.get("name")), "in": each.get("in"), "required": each.get("required") is True}
        for each in given
        if each.get("in") in ("path", "query")
    ]
    words = str(operation.get("summary") or operation.get("description") or "")
    if words.startswith(f"{method.upper()} /"):
        # A cell without a comment of its own: that is what stands beside it already.
        words = ""
    return {
        "method": method.upper(),
        "path": path,
        "words": words,
        "parameters": parameters,
        "body": "requestBody" in operation or method in ("post", "put"),
    }


async def call(port, token, asked):
    """`asked`: method, path (as in the description), parameters (name to text), body. The answer as the page shows it."""
    spec = await _spec(port, token)
    method, path = asked.get("method"), asked.get("path")
    operation = _dictionary(_dictionary(spec.get("paths")).get(path)).get(str(method).lower())
    if str(method).lower() not in METHODS or not isinstance(operation, dict):
        raise Refused("The notebook has no such route any more; load this page again.")
    route = _route(str(method).lower(), path, operation)
    given = {name: str(value) for name, value in _dictionary(asked.get("parameters")).items()}
    limit = _dictionary(spec.get("x-notebox-service")).get("timeoutSeconds", 30) + MARGIN
    body = asked.get("body")
    request = HTTPRequest(
        f"http://127.0.0.1:{port}{_target(route, given)}",
        method=method,
        headers={"Authorization": f"token {token}", **({"Content-Type": _type(body)} if body else {})},
        body=str(body or "").encode() if route["body"] else None,
        allow_nonstandard_methods=True,
        follow_redirects=False,
        request_timeout=limit,
    )
    return await _fetch(request)


async def _fetch(request):
    """The first part of the answer, whatever its length."""
    kept, status, size = [], [], 0
    headers = HTTPHeaders()

    def head(line):
        if line.startswith("HTTP/"):
            status[:] = [int(line.split()[1])]
        elif line.strip():
            headers.parse_line(line)

    def take(chunk):
        nonlocal size
        if size < MOST_BYTES:
            kept.append(chunk[: MOST_BYTES - size])
        size += len(chunk)

    request.header_callback, request.streaming_callback = head, take
    began = time.monotonic()
    try:
        await AsyncHTTPClient(force_instance=True, max_body_size=2**40).fetch(request, raise_error=False)
    except (OSError, HTTPError) as error:
        raise Refused(f"It does not answer: {error}") from error
    if not status:
        raise Refused("It does not answer.")
    text = b"".join(kept).decode("utf-8", "replace")
    seconds = round(time.monotonic() - began, 2)
    kind = headers.get("Content-Type", "")
    return {"status": status[0], "seconds": seconds, "type": kind, "text": text, "bytes": size, "cut": size > MOST_BYTES}


def _target(route, given):
    path = route["path"]
    for parameter in route["parameters"]:
        if parameter["in"] == "path":
            value = given.get(parameter["name"], "")
            if value in ("", ".", ".."):
                raise Refused(f"Fill in {parameter['name']}.")
            path = path.replace("{%s}" % parameter["name"], quote(value, safe=""))
    names = [each["name"] for each in route["parameters"] if each["in"] == "query"]
    query = [(name, given[name]) for name in names if given.get(name)]
    return quote(path, safe="/%:@!$&'()*+,;=~-._") + (f"?{urlencode(query)}" if query else "")


def _type(body):
    try:
        json.loads(body)
    except (TypeError, ValueError):
        return "text/plain; charset=utf-8"
    return "application/json"


async def _spec(port, token):
    """The description as OpenAPI. Raises Refused where there is none."""
    try:
        headers = {"Authorization": f"token {token}"}
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/_api/spec", headers=headers, request_timeout=20)
        spec = json.loads(answer.body)
    except (OSError, HTTPError, ValueError) as error:
        raise Refused("It does not tell its routes yet; this page asks again.") from error
    return _dictionary(spec)


def _dictionary(value):
    return value if isinstance(value, dict) else {}
