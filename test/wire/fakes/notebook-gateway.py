"""Runs one request of an API notebook: its seed cells, REQUEST, the route's cells, its ResponseInfo. JSON in and out."""

import contextlib
import io
import json
import os
import sys

asked = json.load(sys.stdin)
os.chdir(asked["folder"])
world = {}
for source in asked["seed"]:
    exec(source, world)
world["REQUEST"] = json.dumps(asked["request"])


def printed(sources):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for source in sources:
            exec(source, world)
    return out.getvalue()


json.dump({"body": printed(asked["route"]), "info": printed(asked["info"])}, sys.stdout)
