"""What runs on the display: the command lines, the key that lets programs use it, and what is started with the session. Names
from the workbench lead to desktop entries and programs that are there; none of them becomes a command line."""

import os
import re
import secrets
import shutil
import struct
import sys

DISPLAY = ":1"
ENTRIES = "usr/share/applications"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def display_command(socket, key, geometry):
    """No TCP, no password: the socket's folder is the account's alone."""
    width, height = geometry
    options = ["-SecurityTypes", "None", "-rfbunixpath", socket, "-rfbport", "-1", "-AlwaysShared", "-auth", key]
    return ["Xvnc", DISPLAY, "-geometry", f"{width}x{height}", "-depth", "24", "-nolisten", "tcp", "-desktop", "notebox", *options]


def session_command():
    return ["dbus-run-session", "--", "xfce4-session"]


def session_environment(key, folder):
    """`folder`: where entries to start with the session lie, as autostart/NAME.desktop."""
    own = {"DISPLAY": DISPLAY, "XAUTHORITY": key, "XDG_RUNTIME_DIR": folder, "XDG_SESSION_TYPE": "x11", "XDG_CURRENT_DESKTOP": "XFCE"}
    others = {name: value for name, value in os.environ.items() if name not in ("CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY")}
    # There is no bus for accessibility to look for.
    own["NO_AT_BRIDGE"] = "1"
    return {**others, **own, "XDG_CONFIG_DIRS": f"{folder}/xdg:/etc/xdg"}


def write_key(path):
    """An Xauthority file with a new MIT-MAGIC-COOKIE-1 for display 1 of whatever host (Xau: family FamilyWild)."""
    fields = [b"", DISPLAY[1:].encode(), b"MIT-MAGIC-COOKIE-1", secrets.token_bytes(16)]
    data = struct.pack(">H", 0xFFFF) + b"".join(struct.pack(">H", len(field)) + field for field in fields)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)


def write_autostart(names, folder, root="/"):
    """Entries for what starts with the session. What is not there is told, and does not stop the others."""
    place = os.path.join(folder, "xdg/autostart")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for name in names:
        if not NAME.fullmatch(name):
            continue
        entry = os.path.join(root, ENTRIES, f"{name}.desktop")
        if os.path.isfile(entry):
            shutil.copyfile(entry, os.path.join(place, f"{name}.desktop"))
        elif shutil.which(name):
            with open(os.path.join(place, f"{name}.desktop"), "w", encoding="utf-8") as file:
                file.write(f"[Desktop Entry]\nType=Application\nName={name}\nExec={name}\n")
        else:
            print(f"notebox: autostart: there is no program {name}; is its package in packages.apt?", file=sys.stderr)
