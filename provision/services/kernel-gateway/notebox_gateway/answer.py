"""What a route's cells left in the kernel → status, headers and body. As the stock gateway has it
(kernel_gateway/notebook_http/handlers.py), but that a broken ResponseInfo is an error, and JSON says that it is JSON."""

import json
import re

from .faults import RequestFault, named, one_line

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
# The gateway sets these itself: which pages may read an answer is decided in workbench.yaml.
NOT_THE_NOTEBOOKS = re.compile(r"access-control-.*|vary|content-length|transfer-encoding|connection", re.IGNORECASE)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def text_of(outcome):
    """stdout before the last result, which comes as a MIME bundle, before nothing."""
    if outcome.stdout:
        return "".join(outcome.stdout)
    return json.dumps(outcome.result) if outcome.result else ""


def failed(outcome):
    """A cell's own error is text, as it always was; partial output is left out."""
    name, value = outcome.error
    return Answer(500, {"Content-Type": TEXT_TYPE}, f"Error {name}: {value} \n")


def answer_of(outcome, info, cells):
    """`info` is the Outcome of the ResponseInfo cells, whose indices are `cells`, or None. Raises RequestFault."""
    status, headers = (200, {}) if info is None else read_info(text_of(info), cells)
    body = text_of(outcome)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = JSON_TYPE if is_json(body) else TEXT_TYPE
    return Answer(status, headers, "" if status in (204, 205, 304) else body)


def is_json(text):
    try:
        json.loads(text, parse_constant=refuse)
        return True
    except (ValueError, RecursionError):
        return False


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def read_info(text, cells):
    """(status, headers) of what the ResponseInfo cells printed."""

    def broken(why):
        many = "; join them to one cell that prints one object" if len(cells) > 1 else ""
        return RequestFault(500, "response-info", f"ResponseInfo ({named(cells)}) {why}{many}.", cells)

    shown = one_line(text, 80)
    if text.strip() == "":
        raise broken('printed nothing; print JSON such as {"status": 200, "headers": {}}')
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        raise broken(f"printed what is not one JSON object: {shown}") from None
    if not isinstance(info, dict):
        raise broken(f"printed JSON that is no object: {shown}")
    status, headers = info.get("status", 200), info.get("headers", {})
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise broken(f"has a status that is no whole number from 200 to 599: {one_line(json.dumps(status), 80)}")
    if not isinstance(headers, dict):
        raise broken(f"has headers that are no object: {one_line(json.dumps(headers), 80)}")
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise broken(f"has a header whose name is none: {one_line(name, 80)}")
        line = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        # What fits into a header (RFC 9110, 5.5), without line feeds.
        if not line or re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", str(value)) is None:
            raise broken(f"has a header {name} whose value is no line of text")
    return status, {name: str(value) for name, value in headers.items() if not NOT_THE_NOTEBOOKS.fullmatch(name)}

