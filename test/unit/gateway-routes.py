"""Asks jupyter-kernel-gateway itself what it makes of made-up notebooks, and writes gateway-routes.jsonl beside this
file. Run it with a Python that has jupyter-kernel-gateway 3.0.1; the tests only read that file."""

import json
import pathlib
import random
import re

from kernel_gateway.notebook_http.cell.parser import create_parser
from kernel_gateway.notebook_http.request_utils import parameterize_path
from tornado.routing import PathMatches

PREFIXES = {"scala": "//"}
COMMENTS = ["#"] * 14 + ["//", "//", "##", "", "%%", " #", "\n#", "--"]
BLANKS = [" "] * 24 + ["  ", "\t", "\n", "", "\u00a0", "\u001c", "\ufeff", "\r\n", "\u0085", "\u2028"]
WORDS = ["GET", "POST", "PUT", "DELETE", "ResponseInfo GET", "ResponseInfo POST"] * 3 + ["PATCH", "get", "ResponseInfo GET", "ResponseInfo POST", "GET:",
         "ResponseInfo\tPUT", "responseinfo GET", "HEAD", "ResponseInfo\nGET"]
PARTS = ["a", "b", ":id", ":name", "me"] * 5 + ["hello", ":a", ":ab", ":user-id", ":", "12:30", ":id.json", "caf\u00e9", ":caf\u00e9", "",
         "a b", "x?y=1", "(a)", "(a", "[b", "a*", ":1st", ":_x", "a.b", ":id(b"]
ENDS = [""] * 6 + ["\nprint(1)", " # note", "  ", "\r\nprint(1)", "\n# GET /second", "\u2028x", "\u0085", "\u001c"]


def cell(rng):
    if rng.random() < 0.15:
        return rng.choice(["import json", "x = 1\n# GET /late", "# a comment", "", "\n"])
    path = "/".join([rng.choice([""] * 12 + ["http:", "x"])] + [rng.choice(PARTS) for _ in range(rng.randint(1, 2))])
    return rng.choice(COMMENTS) + rng.choice(BLANKS) + rng.choice(WORDS) + rng.choice(BLANKS) + path + rng.choice(ENDS)


def case(seed):
    rng = random.Random(seed)
    language = rng.choice(["python", "python", "R", "scala", None])
    cells = [{"type": rng.choice(["code"] * 9 + ["markdown"]), "source": cell(rng)} for _ in range(rng.randint(0, 7))]
    for each in list(cells):
        if each["type"] == "code" and rng.random() < 0.5:
            marker = rng.choice(["ResponseInfo GET", "ResponseInfo POST", "PUT", "GET"])
            cells.append({"type": "code", "source": re.sub(r"\b(GET|POST)\b", marker, each["source"], count=1)})
    parser = create_parser(comment_prefix=PREFIXES.get(language, "#"))
    code = [c["source"] for c in cells if c["type"] == "code"]
    endpoints = parser.endpoints(code)
    responses = parser.endpoint_responses(code)
    broken = []
    for path, _ in endpoints:
        try:
            PathMatches(parameterize_path(path))
        except (re.error, AssertionError):
            broken.append(path)
    seeds = [i for i, c in enumerate(cells) if c["type"] == "code"
             and not parser.is_api_cell(c["source"]) and not parser.is_api_response_cell(c["source"])]
    return {
        "language": language,
        "cells": cells,
        "routes": [[verb, path, source, responses.get(path, {}).get(verb, "")]
                   for path, verbs in endpoints for verb, source in verbs.items()],
        "broken": broken,
        "seeds": seeds,
    }


if __name__ == "__main__":
    cases = [case(seed) for seed in range(500)]
    target = pathlib.Path(__file__).with_suffix(".jsonl")
    target.write_text("".join(json.dumps(c) + "\n" for c in cases))
