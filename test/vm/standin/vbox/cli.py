"""One call of VBoxManage: takes the lock, writes the log of calls, runs the verb, tells errors."""
import fcntl
import json
import os
import sys
import time
from pathlib import Path

from . import verbs
from .errors import Unsupported, VBoxError
from .store import Store

VERSION = "7.0.20r163906"

# These work for seconds, and only on files of a machine that nobody else knows yet.
UNLOCKED = {"import"}


def main(argv: list[str]) -> int:
    if argv in (["--version"], ["-v"], ["-V"]):
        print(VERSION)
        return 0
    home = os.environ.get("NOTEBOX_STANDIN_HOME")
    if not home:
        print("VBoxManage: error: NOTEBOX_STANDIN_HOME is not set", file=sys.stderr)
        return 1
    store = Store(Path(home))
    began = time.time()
    code = 1
    try:
        with open(store.home / "lock", "a", encoding="utf8") as lock:
            if argv and argv[0] not in UNLOCKED:
                fcntl.flock(lock, fcntl.LOCK_EX)
            run(store, argv)
        code = 0
    except VBoxError as error:
        print(f"VBoxManage: error: {error}\nVBoxManage: error: Details: code {error.code}", file=sys.stderr)
    finally:
        log(store, began, argv, code)
    return code


def run(store: Store, argv: list[str]) -> None:
    verb = verbs.VERBS.get(argv[0]) if argv else None
    if verb is None:
        raise Unsupported(f"the command {argv!r}")
    verb(store, argv[1:])


def log(store: Store, began: float, argv: list[str], code: int) -> None:
    entry = {"at": round(began, 2), "seconds": round(time.time() - began, 2), "code": code, "argv": argv}
    with open(store.home / "calls.jsonl", "a", encoding="utf8") as file:
        file.write(json.dumps(entry) + "\n")
