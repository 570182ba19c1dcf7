"""The probe's beginning: what it was asked, running programs, and keeping tokens out of what is said.

The probe answers all of verify's questions to the guest in one round trip, as one JSON document. It runs in the VM as
root, fed to `python3 -` over SSH as one text, made of these files in the order that whole.ts gives; the standard
library is all it uses, and it leaves nothing behind. It only gathers: what is right or wrong is judged on the host.
A first line, put before this text, sets ASKED:
{"services": [{"name", "unit", "port"}], "folders": [...], "nonce": "..."}.
"""

import glob
import grp
import json
import os
import pwd
import re
import select
import socket
import stat
import subprocess
import sys
import time

ASKED = globals().get("ASKED") or {"services": [], "folders": [], "nonce": "none"}
ACCOUNT = "notebox"
HOME = "/home/notebox"
STATE = "/var/lib/notebox"
CONFIG = "/etc/notebox"
VENV = "/opt/notebox/venv"
PATIENCE = 20  # seconds for a child that hangs, as one does on a dead shared folder
os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
os.environ["LC_ALL"] = "C.UTF-8"

problems = {}
secrets = []


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def start(*command, **more):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def finish(process):
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return None, "", "no answer within %d s" % PATIENCE
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def hide(text):
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[token]")
    return text


def section(name, work, *given):
    try:
        return work(*given)
    except Exception as error:
        problems[name] = "%s: %s" % (type(error).__name__, error)
        return None
