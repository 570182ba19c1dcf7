"""The notebook's file → what is served of it: routes in the gateway's order, cells of the start, kernel. The gateway's
own parser and path patterns decide; messages name cells as `notebox api routes` counts them, from 0, all types."""

import hashlib
import os
import re
import stat
import warnings

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_server.utils import url_path_join
from kernel_gateway.notebook_http.request_utils import parameterize_path
from tornado.routing import PathMatches

from .faults import StartFault, one_line

# Larger ones no browser opens, and a pipe never comes to its end. Bytes.
MOST_BYTES = 100 * 1024 * 1024
NEAR_MISS = re.compile(r"\s*(?:#+|//+)\s*(?:GET|PUT|POST|DELETE|PATCH|HEAD|OPTIONS)\b[\s:]*/", re.IGNORECASE)


class Route:
    """One method and path: the cells that run for a request, and those that set its status and headers."""

    def __init__(self, method, path):
        self.method, self.path = method, path
        self.cells, self.info_cells, self.source, self.info_source = [], [], "", ""
        self.parameters = [name for _, name in re.findall(r"(:([^/\s]*))", path)]


class Reading:
    """One version of the notebook. `paths`: (matcher, {method: Route}) in the order in which they are tried."""

    def __init__(self, sha256, name, notebook, language):
        self.sha256, self.name, self.language = sha256, name, language
        self.cells = [(cell["cell_type"], cell["source"]) for cell in notebook.cells]
        self.title = notebook.metadata.get("title")
        kernelspec = notebook.metadata.get("kernelspec") or {}
        self.kernel_language = kernelspec.get("language") if isinstance(kernelspec, dict) else None
        self.paths, self.seeds, self.kernel, self.near_misses = [], [], None, []
        # By openapi.describe.
        self.described = None

    @property
    def code(self):
        """What kernels know of it: while this stays the same, they can be used for another version."""
        return (self.language, self.kernel, [(i, s) for i, (kind, s) in enumerate(self.cells) if kind == "code"])

    @property
    def routes(self):
        return [route for _, methods in self.paths for route in methods.values()]

    def find(self, request):
        """The first path that matches decides, whatever its methods: ({method: Route}, {name: raw value}) or None."""
        for matcher, methods in self.paths:
            found = matcher.match(request)
            if found is not None:
                return methods, found.get("path_kwargs", {})
        return None


def read_bytes(path, name):
    """Raises StartFault with what to do when there is nothing to read."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                raise StartFault("notebook", f"the notebook {name} is no file that could be a notebook")
            return file.read()
    except FileNotFoundError:
        why = f"the notebook {name} is not there; put it back into the workbench folder"
    except PermissionError:
        why = f"the notebook {name} cannot be read; check its permissions on the host"
    except OSError as error:
        why = f"the notebook {name} cannot be read: {error.strerror or error}"
    raise StartFault("notebook", why)


def read_notebook(data, name, personality):
    """Raises StartFault for everything that keeps the gateway from serving it."""
    app = personality.parent
    notebook = parse(data, name)
    language = notebook.metadata.get("language_info", {}).get("name")
    reading = Reading(hashlib.sha256(data).hexdigest(), name, notebook, language)
    reading.kernel = kernel_of(notebook, name, app)
    parser = personality.parser_for(language, notebook.cells)
    code = [(index, source) for index, (kind, source) in enumerate(reading.cells) if kind == "code"]
    routes = collect(parser, code)
    sources = [source for _, source in code]
    for path, verbs in parser.endpoints(sources):
        methods = {verb: routes[path, verb] for verb in verbs}
        for verb, route in methods.items():
            route.source = verbs[verb]
        reading.paths.append((matcher_of(path, methods, name, app), methods))
    for path, verbs in parser.endpoint_responses(sources).items():
        for verb, source in verbs.items():
            if (path, verb) in routes:
                routes[path, verb].info_source = source
    if not reading.paths:
        prefix = personality.comment_prefix.get(language, "#")
        raise StartFault("no-route", f"no cell of {name} is annotated as a route: begin one with “{prefix} GET /hello”")
    served = {cell for route in routes.values() for cell in route.cells}
    for index, source in code:
        if index in served or parser.is_api_response_cell(source):
            continue
        reading.seeds.append((index, source))
        if NEAR_MISS.match(source):
            reading.near_misses.append((index, one_line(source.strip().split("\n")[0], 80)))
    return reading


def parse(data, name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        for cell in notebook.cells:
            if not isinstance(cell["source"], str):
                raise TypeError("a cell has no source")
            cell["cell_type"]
        for name, fields in (("language_info", ["name"]), ("kernelspec", ["name", "language"])):
            part = notebook.metadata.get(name, {})
            if not isinstance(part, dict) or any(not isinstance(part.get(field, ""), str) for field in fields):
                raise TypeError(f"its metadata {name} is not as it should be")
        return notebook
    except Exception as error:  # noqa: BLE001 - a file of somebody's: nbformat fails on it in many ways
        why = "is empty" if not data.strip() else f"is no notebook: {one_line(error, 120)}"
        raise StartFault("notebook", f"{name} {why}; open it in Jupyter and save it again") from None


def kernel_of(notebook, name, app):
    kernel = app.force_kernel_name or notebook.metadata.get("kernelspec", {}).get("name")
    if not kernel:
        raise StartFault("no-kernel", f"{name} does not say which kernel runs it: choose one in Jupyter and save it")
    try:
        app.kernel_spec_manager.get_kernel_spec(kernel)
    except NoSuchKernel:
        what = f"the kernel {kernel}, which runs {name}, is not installed in the VM: run `notebox up`"
        raise StartFault("no-kernel", what) from None
    return kernel


def collect(parser, code):
    """(path, method) → Route with the indices of its cells."""
    routes = {}
    for index, source in code:
        path, verb = parser.get_cell_endpoint_and_verb(source)
        if path is not None:
            routes.setdefault((path, verb), Route(verb, path)).cells.append(index)
    for index, source in code:
        found = parser.kernelspec_api_response_indicator.match(source)
        route = found and routes.get((found.group(2).strip(), found.group(1)))
        if route:
            route.info_cells.append(index)
    return routes


def matcher_of(path, methods, name, app):
    cell = min(cell for route in methods.values() for cell in route.cells)
    try:
        return PathMatches(url_path_join("/", app.base_url, parameterize_path(path)))
    except (re.error, AssertionError, OverflowError, RecursionError) as error:
        why = "parentheses beside a parameter" if isinstance(error, AssertionError) else str(error)
        what = f"the route {path} in cell {cell} of {name} is not a sound path ({why}): parameters are names such as :student"
        raise StartFault("bad-path", what, cell) from None
