"""The routing table that is really served → OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), with the paths,
ids, parameters, bodies and answers that `notebox api openapi` (src/notebooks/openapi) reads off the same cells. Left to
that command: examples, from saved outputs and from the author's `# example:` lines, and the shapes inferred from them."""

import hashlib
import json
import re
import urllib.parse

from .python_text import PythonText, query_reads, request_names, request_pattern

STATUS = {
    200: "The answer",
    201: "Made",
    204: "Done; there is nothing to say",
    400: "The request is not as it should be",
    404: "There is no such thing",
}
# Lines that tell `verify` how to try a route, as in src/notebooks/notes.ts: no words for readers.
NOTE = re.compile(r"(?:example|example body|example status|writes):")
COMMON = {401: "NoToken", 404: "NoSuchRoute", 405: "NoSuchMethod", 500: "CellFailed", 504: "TimedOut"}
FAULT = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "message": {"type": "string"},
        "fault": {"type": "string"},
        "cells": {"type": "array", "items": {"type": "integer"}},
    },
}
AS_JSON = {"application/json": {"schema": FAULT}}
COMPONENTS = {
    "securitySchemes": {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The word token, a blank and the token: `Authorization: token 0123…`.",
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "The same with the word Bearer."},
        "tokenInQuery": {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "The token in the address.",
        },
    },
    "responses": {
        "NoToken": {"description": "The token is missing or wrong", "content": AS_JSON},
        "NoSuchRoute": {"description": "No route of the notebook has this path", "content": AS_JSON},
        "NoSuchMethod": {"description": "The path that matches has no such method", "content": AS_JSON},
        "CellFailed": {
            "description": "A cell of this route failed, or its kernel died; the text says how",
            "content": {"text/plain": {"schema": {"type": "string"}}, **AS_JSON},
        },
        "TimedOut": {"description": "The answer took longer than the service allows", "content": AS_JSON},
    },
}


# A character within a line, and a line's ends, as JavaScript has them: both descriptions shall read a heading alike.
IN_LINE, BEGIN, END = r"[^\n\r\u2028\u2029]", r"(?:(?<![^\n\r\u2028\u2029]))", r"(?![^\n\r\u2028\u2029])"
HEADING = re.compile(rf"{BEGIN}#{{1,6}}[ \t]+(?=\S)({IN_LINE}+?)[ \t#]*{END}")


def document(service, url):
    """`x-notebox-notebook` says which notebook this is, and what is wrong with a newer one."""
    reading = service.reading
    if reading.described is None:
        describe(reading)
    info, paths = reading.described
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": url, "description": "The workbench on this computer"}],
        "security": [{"token": []}, {"bearer": []}, {"tokenInQuery": []}],
        "paths": paths,
        "components": COMPONENTS,
        "x-notebox-notebook": {
            "path": service.path,
            "sha256": reading.sha256,
            "state": "serving" if service.serving else "starting",
            "problem": service.problem,
        },
        "x-notebox-service": {
            "name": service.name,
            "kernels": service.kernels,
            "kernelsIdle": len(service.pool.idle),
            "kernelsReplaced": service.replaced,
            "timeoutSeconds": service.timeout,
            "origins": service.origins,
        },
    }


def describe(reading):
    """Once for each version of the notebook: of a large one it takes seconds, in which nobody else is answered."""
    operations = operations_of(reading)
    paths = {}
    for route, operation in operations:
        paths.setdefault(template_of(route.path), {})[route.method.lower()] = operation
    info = {"title": title_of(reading), "version": version_of([route for route, _ in operations])}
    reading.described = (info, paths)


def title_of(reading):
    if isinstance(reading.title, str):
        return reading.title
    headings = [heading_of(source) for kind, source in reading.cells if kind == "markdown"]
    name = re.sub(r"\.ipynb$", "", reading.name.rsplit("/", 1)[-1])
    return next((each for each in headings if each is not None), name)


def version_of(routes):
    digest = hashlib.sha256()
    for route in routes:
        text = json.dumps([route.method, route.path, route.source], ensure_ascii=False, separators=(",", ":"))
        digest.update(text.encode("utf-8", "surrogatepass"))
    return f"1.{int.from_bytes(digest.digest()[:4], 'big') >> 4}"


def template_of(path):
    """:name becomes {name}; what a path cannot hold is percent-encoded (as encodeURI does)."""
    parts = re.split(r"(:[^/\s]+)", path)
    return "".join(f"{{{part[1:]}}}" if part.startswith(":") and len(part) > 1 else encoded(part) for part in parts)


def encoded(text):
    text = re.sub(r"[\ud800-\udfff]", "\ufffd", text)
    return urllib.parse.quote(text, safe=";,/:@&=+$-_.!~*'()%")


def operations_of(reading):
    """(Route, operation object) of the routes that can be reached: of paths that differ in names only, the first."""
    is_python = (reading.language or reading.kernel_language or "python").lower() == "python"
    texts = {i: PythonText(s if is_python else "") for i, (kind, s) in enumerate(reading.cells) if kind == "code"}
    names = request_names(texts.values())
    printed = functions_of(texts.values())
    firsts, ids, found = {}, set(), []
    for route in reading.routes:
        shape = re.sub(r":[^/\s]*", ":", route.path)
        if firsts.setdefault(shape, route.path) != route.path:
            continue
        found.append((route, operation_of(reading, route, unique_id(route, ids), texts, names, printed)))
    return found


def operation_of(reading, route, operation_id, texts, names, printed):
    cells = [texts[cell] for cell in route.cells]
    summary, description = words_of(reading, route)
    parameters = parameters_of(route, cells, names)
    statuses, content_type = response_of(reading, route, texts, printed)
    responses = {str(status): response_object(status, content_type) for status in statuses}
    for status, name in COMMON.items():
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    operation = {"operationId": operation_id, "summary": summary}
    if description:
        operation["description"] = description
    if parameters:
        operation["parameters"] = parameters
    if route.method in ("POST", "PUT"):
        operation["requestBody"] = body_object(cells, names)
    return {**operation, "responses": responses, "x-notebox-cells": route.cells}


def unique_id(route, taken):
    words = [word for word in re.split(r"[^A-Za-z0-9]+", route.path) if word]
    base = route.method.lower() + ("".join(word[0].upper() + word[1:] for word in words) or "Root")
    name, number = base, 2
    while name in taken:
        name, number = f"{base}{number}", number + 1
    taken.add(name)
    return name


def words_of(reading, route):
    """Summary: the heading above the cell; else its first remark; else method and path. And the rest."""
    remarks, first = remarks_of(route.source), route.cells[0]
    above = reading.cells[first - 1] if first > 0 else (None, "")
    heading = heading_of(above[1]) if above[0] == "markdown" else None
    below = re.sub(rf"{BEGIN}#{{1,6}}[ \t]+{IN_LINE}*", "", above[1], count=1).strip() if above[0] == "markdown" else ""
    summary = heading or (remarks[0] if remarks else f"{route.method} {route.path}")
    rest = "\n".join(remarks[1:] if heading is None else remarks)
    return summary, "\n\n".join(part for part in (below, rest) if part)


def heading_of(markdown):
    match = HEADING.search(markdown)
    return match and match.group(1)


def remarks_of(source):
    remarks = []
    for line in source.split("\n")[1:]:
        match = re.match(rf"(?:#|//)[ \t]*({IN_LINE}*?)[ \t\r]*\Z", line)
        if match is None:
            break
        if match.group(1) and not NOTE.match(match.group(1)):
            remarks.append(match.group(1))
    return remarks


def parameters_of(route, cells, names):
    path = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in route.parameters]
    query = {}
    for cell in cells:
        for name, before, after, by_index, fallback in query_reads(cell, names):
            schema = argument_schema(before, after, fallback)
            there = query.get(name, {"required": False, "schema": schema})
            required = by_index or there["required"]
            query[name] = {"name": name, "in": "query", "required": required, "schema": there["schema"]}
    return [*path, *query.values()]


def argument_schema(before, after, fallback):
    """An argument is a list of texts; code that takes one of them shows what it takes it for."""
    if not re.match(r"\s*\[\s*-?\d+\s*\]", after):
        return {"type": "array", "items": {"type": "string"}}
    kinds = {"integer": "int", "number": "float"}
    kind = next((k for k, f in kinds.items() if re.search(rf"(?<![\w.]){f}\s*\(\s*\Z", before, re.ASCII)), "string")
    usual = re.match(r"\[\s*([\"'])([^\"'\\]*)\1\s*\]\Z", fallback or "")
    value = None if usual is None else usual.group(2) if kind == "string" else number_of(usual.group(2))
    return {"type": kind} if value is None else {"type": kind, "default": value}


def number_of(text):
    try:
        value = float(text or 0)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def body_object(cells, names):
    read = re.compile(request_pattern(names) + r"(?:\[\s*|\.\s*get\s*\(\s*)[\"']body[\"']", re.ASCII)
    return {
        "required": any(read.search(cell.with_strings) for cell in cells),
        "description": "JSON only with exactly this type, without a charset; any other text arrives as text.",
        "content": {
            "application/json": {"schema": {}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object", "additionalProperties": True}},
            "text/plain": {"schema": {"type": "string"}},
        },
    }


def functions_of(texts):
    """Name → text of each function and class at the top level of the cells."""
    bodies = {}
    for text in texts:
        for nth, (start, code, indent) in enumerate(text.statements):
            match = re.match(r"(?:async\s+)?(?:def|class)\s+(\w+)", code)
            if match and indent == 0:
                later = (s for s, c, i in text.statements[nth + 1 :] if i == 0 and not c.startswith("@"))
                bodies[match.group(1)] = text.with_strings[start : next(later, None)]
    return bodies


def response_of(reading, route, texts, printed):
    """(statuses, content type), as far as the ResponseInfo cells and the functions that they call show them."""
    own = [texts[cell].with_strings or reading.cells[cell][1] for cell in route.info_cells]
    calls = [name for text in own for name in re.findall(r"([A-Za-z_]\w*)\s*\(", text, re.ASCII)]
    everything = "\n".join([*own, *(printed[name] for name in calls if name in printed)])
    given = re.findall(r"[\"']status[\"']\s*:\s*([^,}\n]+)", everything)
    statuses = sorted({int(each) for text in given for each in re.findall(r"\b[1-5]\d\d\b", text)})
    kind = re.search(r"[\"']content-type[\"']\s*:\s*[\"']([^\"'\n]+)[\"']", everything, re.IGNORECASE)
    return statuses or [200], kind.group(1) if kind else None


def response_object(status, content_type):
    """Without a type of the notebook's, the gateway says what the text is."""
    description = STATUS.get(status, "The answer" if status < 400 else "The notebook refuses")
    if status in (204, 304):
        return {"description": description}
    types = [content_type] if content_type else ["application/json; charset=utf-8", "text/plain; charset=utf-8"]
    return {"description": description, "content": {each: {} for each in types}}
