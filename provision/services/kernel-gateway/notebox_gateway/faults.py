"""What can go wrong, as people are told: with a word for programs, a sentence, and the cell. HTTP is for handlers.py."""

import re

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text, most=300):
    """Text of a notebook's as it may stand in a journal and in a file: one line, no colours, not endless, and without
    halves of characters (lone surrogates), which JSON may hold and UTF-8 may not."""
    line = " ".join(ESCAPES.sub(" ", str(text)).encode("utf-8", "replace").decode().split())
    return line if len(line) <= most else line[: most - 1] + "…"


def named(cells):
    """Cells as `notebox api routes` counts them: from 0, all types."""
    return f"{'cell' if len(cells) == 1 else 'cells'} {', '.join(map(str, cells))}"


class StartFault(Exception):
    """Why a notebook cannot be served. `cell` is an index in the notebook or None."""

    def __init__(self, fault, message, cell=None):
        super().__init__(message)
        self.fault, self.message, self.cell = fault, one_line(message, 600), cell

    def told(self):
        return {"fault": self.fault, "message": self.message, "cell": self.cell}


class RequestFault(Exception):
    """Why a request has no answer of the notebook's: an HTTP status, a word, a sentence, the cells that ran."""

    def __init__(self, status, fault, message, cells=()):
        super().__init__(message)
        self.status, self.fault, self.message, self.cells = status, fault, one_line(message, 600), list(cells)


class KernelDied(Exception):
    """The kernel's process ended. `how` says so in words."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class TooMuchOutput(Exception):
    """A cell printed more than an answer may hold."""
