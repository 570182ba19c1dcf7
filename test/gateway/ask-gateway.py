"""Asks jupyter-kernel-gateway itself, in one process, what it makes of made-up notebooks: its parser for routes, their
order and pairing, and its own routing table for who answers a request. Writes a JSON document a line.

usage: python ask-gateway.py [COUNT [FIRST-SEED]]    with a Python that has jupyter-kernel-gateway 3.0.1
"""

import importlib.util
import json
import pathlib
import random
import re
import sys
import urllib.parse
from types import SimpleNamespace

import tornado.web
from kernel_gateway.notebook_http import NotebookHTTPPersonality
from kernel_gateway.notebook_http.handlers import NotebookAPIHandler
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from traitlets.config import Configurable

MADE_UP = pathlib.Path(__file__).parents[1] / "unit" / "gateway-routes.py"
spec = importlib.util.spec_from_file_location("made_up", MADE_UP)
made_up = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made_up)


class Cells(dict):
    """A notebook as the gateway sees it: a mapping with `cells`."""

    __getattr__ = dict.__getitem__


class App(Configurable):
    """What the personality asks of the gateway's application."""

    base_url = "/"
    prespawn_count = 1
    seed_uri = "notebook.ipynb"


def application(language, cells):
    app = App()
    metadata = {} if language is None else {"language_info": {"name": language}}
    app.seed_notebook = Cells(metadata=metadata, cells=[Cells(cell_type=c["type"], source=c["source"]) for c in cells])
    code = [c["source"] for c in cells if c["type"] == "code"]
    app.kernel_manager = SimpleNamespace(seed_source=code, seed_kernelspec="python3")
    personality = NotebookHTTPPersonality(parent=app)
    return tornado.web.Application(personality.create_request_handlers())


def request_paths(routes, rng):
    """Paths that requests could have: each route's with something for its parameters, and near it."""
    for _, path, _, _ in routes:
        filled = re.sub(r":[^/\s]*", lambda _: rng.choice(["1", "a", "me", "b%20c", "%C3%A9"]), path)
        sent = urllib.parse.quote(filled, safe="/%:?()[]*+.=&")
        yield from (sent, sent + "/", sent.rsplit("/", 1)[0] + "/b")


def answered_by(app, path):
    """[the route's code for GET, parameters], or None when no route of the notebook matches."""
    connection = SimpleNamespace(context=SimpleNamespace(remote_ip="", protocol="http"))
    line, headers = RequestStartLine("GET", path, "HTTP/1.1"), HTTPHeaders({"Host": "127.0.0.1"})
    request = HTTPServerRequest(start_line=line, headers=headers, connection=connection)
    request.path = path
    delegate = app.find_handler(request)
    if delegate.handler_class is not NotebookAPIHandler:
        return None
    parameters = {name: value.decode() for name, value in delegate.path_kwargs.items()}
    return [sorted(delegate.handler_kwargs["sources"].items()), parameters]


# Most notebooks with anything strange in them do not start; every second one has nothing strange in its paths.
STRANGE = made_up.PARTS
PLAIN = ["a", "b", ":id", ":name", "me", "hello", ":a", "x", "12:30", ":_x", "a.b"]


def ask(seed):
    made_up.PARTS = PLAIN if seed % 2 else STRANGE
    case = made_up.case(seed)
    verdict = None
    try:
        app = application(case["language"], case["cells"])
    except re.error as error:
        verdict = f"re.error: {error}"
    except (RuntimeError, AssertionError) as error:
        verdict = str(error)
    requests = []
    if verdict is None:
        rng = random.Random(seed)
        requests = [[path, answered_by(app, path)] for path in request_paths(case["routes"], rng)]
    return {**case, "seed": seed, "verdict": verdict, "requests": requests}


if __name__ == "__main__":
    count, first = [int(word) for word in sys.argv[1:]] + [500, 100_000][len(sys.argv) - 1 :]
    for seed in range(first, first + count):
        print(json.dumps(ask(seed)))
