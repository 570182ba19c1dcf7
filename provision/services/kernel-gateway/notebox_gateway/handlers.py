"""HTTP: who may ask, which route answers, and how long that may take. The request object that the notebook gets and
the order of paths are the stock gateway's (kernel_gateway/notebook_http)."""

import asyncio
import json
from http.client import responses

import tornado.web
from jupyter_server.utils import url_path_join
from kernel_gateway.notebook_http.request_utils import format_request, headers_to_dict, parse_args, parse_body
from kernel_gateway.notebook_http.swagger.builders import SwaggerSpecBuilder

from .access import without_token
from .answer import Answer, answer_of, failed
from .faults import KernelDied, RequestFault, TooMuchOutput, named
from .incoming import Incoming
from .openapi import document
from .pool import stopping
from .seeding import is_input


def handlers(personality):
    """(pattern, handler, arguments) for tornado, whose own table stays as it is when the notebook changes."""
    base = personality.parent.base_url
    at = lambda path: url_path_join("/", base, path)  # noqa: E731
    found = [(at("/_api/spec"), SpecHandler), (at("/_api/spec/swagger.json"), SwaggerHandler)]
    if personality.allow_notebook_download:
        found.append((at("/_api/source"), SourceHandler))
    if personality.static_path is not None:
        found.append((at(r"/public/(.*)"), StaticHandler, {"path": personality.static_path}))
    return [*found, (r".*", RouteHandler)]


class Guarded(Incoming):
    """CORS for listed pages and nobody else, a token for everything but OPTIONS, errors as JSON."""

    @property
    def personality(self):
        return self.settings["kg_personality"]

    @property
    def service(self):
        return self.personality.service

    def set_default_headers(self):
        super().set_default_headers()
        for name, value in self.personality.access.cors_headers(self.request).items():
            self.set_header(name, value)

    def refusal(self):
        if self.request.method == "OPTIONS":
            return None
        access = self.personality.access
        if access.is_stranger(self.request):
            return RequestFault(403, "origin", "This page is not listed under origins in workbench.yaml.")
        if not access.has_token(self.request):
            return RequestFault(401, "token", "The token is missing or wrong.")
        return None

    def options(self, *_args, **_kwargs):
        """Runs nothing. A listed page is told what it may send, to whatever path: so that it can read a 404, too."""
        if not self.personality.access.is_preflight(self.request) and not self.is_there():
            raise tornado.web.HTTPError(404)
        self.finish()

    def is_there(self):
        return True

    def log_exception(self, kind, value, traceback):
        if not isinstance(value, RequestFault):
            super().log_exception(kind, value, traceback)

    def write_error(self, status_code, **kwargs):
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RequestFault):
            self.write_fault(error)
            return
        message = (error.log_message or "") if isinstance(error, tornado.web.HTTPError) else "Unknown server error"
        self.write_json(status_code, {"reason": responses.get(status_code, "Unknown HTTP Error"), "message": message})

    def write_fault(self, fault):
        told = {"reason": responses[fault.status], "message": fault.message, "fault": fault.fault}
        self.write_json(fault.status, {**told, "cells": fault.cells} if fault.cells else told)

    def send_error(self, status_code=500, **kwargs):
        """tornado takes the status from HTTPError alone."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(error.status if isinstance(error, RequestFault) else status_code, **kwargs)

    def write_json(self, status, value):
        self.set_status(status)
        if status == 401:
            self.set_header("WWW-Authenticate", 'Bearer realm="notebox"')
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))


class RouteHandler(Guarded):
    """Everything that the notebook answers; 404 and 405 for the rest."""

    def is_there(self):
        return self.service.reading.find(self.request) is not None

    async def serve(self):
        loop = asyncio.get_running_loop()
        until = loop.time() + self.service.timeout
        # Both, before anything is waited for: the notebook may change meanwhile.
        reading, pool = self.service.reading, self.service.pool
        found = reading.find(self.request)
        if found is None:
            raise tornado.web.HTTPError(404)
        methods, parameters = found
        route = methods.get(self.request.method)
        if route is None:
            self.set_header("Allow", ", ".join([*methods, "OPTIONS"]))
            raise tornado.web.HTTPError(405)
        self.take_body()
        code = self.request_code(parameters, reading.language or "")
        self.work = asyncio.ensure_future(run(self.service, pool, route, code, until))
        self.personality.requests.add(self.work)
        self.work.add_done_callback(self.personality.requests.discard)
        try:
            answer = await self.work
        except asyncio.CancelledError:
            if self.gone:
                # For the log alone; nginx's number for it.
                self.set_status(499, "Client Closed Request")
                return
            raise
        except RequestFault as fault:
            # What ends the service has been told already, and a full queue is not the notebook's fault.
            if fault.cells:
                self.service.tell(fault.message)
            self.write_fault(fault)
            return
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if answer.body:
            self.write(answer.body)
        self.finish()

    get = post = put = delete = serve

    async def head(self):
        # As the stock gateway: no cell of its own, so not allowed.
        raise tornado.web.HTTPError(405)

    work = None
    gone = False

    def on_connection_close(self):
        """Whoever asked has gone: its place is for the next one."""
        super().on_connection_close()
        self.gone = True
        if self.work is not None:
            self.work.cancel()

    def request_code(self, parameters, language):
        """The stock gateway's assignment of REQUEST, but for the token."""
        try:
            args, headers = without_token(
                parse_args(self.request.query_arguments), headers_to_dict(self.request.headers)
            )
            path = {name: self.decode_argument(value, name) for name, value in parameters.items()}
            body = parse_body(self.request)
        except UnicodeDecodeError:
            raise RequestFault(400, "request", "The request holds text that is not UTF-8.") from None
        return format_request(json.dumps({"body": body, "args": args, "path": path, "headers": headers}), language)


async def run(service, pool, route, request_code, until):
    """Answer of the route's cells. Raises RequestFault; it is over at `until` (the loop's time), always."""
    try:
        async with asyncio.timeout_at(until):
            kernel = await pool.borrow()
    except TimeoutError:
        raise no_kernel(service, pool) from None
    try:
        async with asyncio.timeout_at(until):
            answer, sound = await run_cells(kernel, route, request_code)
    except asyncio.CancelledError:
        pool.abandon(kernel)
        raise
    except TimeoutError:
        pool.give_back(kernel, sound=False)
        what = f"{of(route)} took longer than the {service.timeout:g} s that the service allows"
        raise RequestFault(504, "timeout", f"{what}; the next request gets a fresh kernel.", cells_of(route)) from None
    except KernelDied as error:
        pool.give_back(kernel, sound=False)
        if pool.closed:
            raise stopping() from None
        what = f"The kernel died while {of(route, 'the cells')} ran: {error.how}"
        raise RequestFault(500, "kernel-died", f"{what}; the next request gets a fresh one.", cells_of(route)) from None
    except TooMuchOutput:
        pool.give_back(kernel, sound=False)
        what = f"{of(route)} printed more than an answer may hold"
        raise RequestFault(500, "output", f"{what}.", cells_of(route)) from None
    except RequestFault as fault:
        pool.give_back(kernel, sound=fault.fault != "input")
        raise
    except BaseException:
        pool.give_back(kernel, sound=False)
        raise
    pool.give_back(kernel, sound)
    return answer


async def run_cells(kernel, route, request_code):
    """(Answer, whether the kernel is still good)."""
    info = None
    for code in (request_code, route.source):
        outcome = await kernel.run(code)
        if outcome.error is not None:
            return failure(outcome, route), not outcome.exits
    if route.info_source and not outcome.exits:
        info = await kernel.run(route.info_source)
        if info.error is not None:
            return failure(info, route), not info.exits
    return answer_of(outcome, info, route.info_cells), not (outcome.exits or (info is not None and info.exits))


def failure(outcome, route) -> Answer:
    if is_input(outcome.error[0]):
        what = f"{of(route)} asked for input, which nobody can give: take input() out"
        raise RequestFault(500, "input", f"{what}; the next request gets a fresh kernel.", cells_of(route))
    return failed(outcome)


def no_kernel(service, pool):
    if not pool.filled:
        what = "The notebook's start has not come to an end yet: its cells without annotation are still running"
        return RequestFault(504, "starting", f"{what}; ask again.")
    if not pool.lent:
        what = "A fresh kernel is being made ready, because the one before was lost: its start takes longer than"
        return RequestFault(504, "starting", f"{what} the {service.timeout:g} s that the service allows; ask again.")
    seconds = f"{service.timeout:g} s"
    what = f"Other requests kept the notebook's {'kernel' if pool.size == 1 else 'kernels'} for {seconds}"
    return RequestFault(504, "busy", f"{what}; ask again, or give the service more kernels or a longer timeout.")


def cells_of(route):
    return [*route.cells, *route.info_cells]


def of(route, what="The cells"):
    return f"{what} of {route.method} {route.path} ({named(cells_of(route))})"


class SpecHandler(Guarded):
    """The routes that are really served, as OpenAPI 3.1, at any time: also while the kernels are still being seeded."""

    def get(self):
        self.write_json(200, document(self.service, f"{self.request.protocol}://{self.request.host}"))


class SwaggerHandler(Guarded):
    """The stock gateway's own description (Swagger 2.0, paths as annotated), of code cells alone."""

    def get(self):
        reading = self.service.reading
        builder = SwaggerSpecBuilder(self.personality.parser_for(reading.language, []))
        for route in reading.routes:
            builder.add_cell(route.source)
        builder.set_default_title(self.service.file)
        self.write_json(200, builder.build())


class StaticHandler(Guarded, tornado.web.StaticFileHandler):
    """KG_STATIC_PATH; behind the token, too."""


class SourceHandler(Guarded):
    """KG_ALLOW_NOTEBOOK_DOWNLOAD: the notebook's file."""

    def get(self):
        self.set_header("Content-Type", "application/octet-stream")
        with open(self.service.file, "rb") as file:
            self.finish(file.read())
