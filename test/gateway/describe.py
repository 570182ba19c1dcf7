"""Our gateway's OpenAPI of notebooks, without a server: JSON list of .ipynb texts in, list of documents out. null for a
notebook that cannot be served.

usage: python describe.py    with a Python that has jupyter-kernel-gateway 3.0.1
"""

import json
import pathlib
import sys
from types import SimpleNamespace

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "provision/services/kernel-gateway"))

from kernel_gateway.notebook_http import NotebookHTTPPersonality  # noqa: E402
from kernel_gateway.notebook_http.cell.parser import create_parser  # noqa: E402
from notebox_gateway.faults import StartFault  # noqa: E402
from notebox_gateway.notebook import read_notebook  # noqa: E402
from notebox_gateway.openapi import document  # noqa: E402

PREFIXES = NotebookHTTPPersonality.comment_prefix.default_args[0]
personality = SimpleNamespace(
    comment_prefix=PREFIXES,
    parser_for=lambda language, _: create_parser(comment_prefix=PREFIXES.get(language, "#")),
    parent=SimpleNamespace(
        base_url="/",
        force_kernel_name="python3",
        kernel_spec_manager=SimpleNamespace(get_kernel_spec=lambda _: None),
    ),
)


def describe(text):
    try:
        reading = read_notebook(text.encode(), "api/marks.ipynb", personality)
    except StartFault:
        return None
    facts = {"path": "api/marks.ipynb", "name": "marks", "kernels": 1, "replaced": 0, "timeout": 30.0, "origins": []}
    service = SimpleNamespace(reading=reading, serving=True, problem=None, pool=SimpleNamespace(idle=[None]), **facts)
    return document(service, "http://127.0.0.1:8889")


json.dump([describe(text) for text in json.load(sys.stdin)], sys.stdout)
