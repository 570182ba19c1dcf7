"""Answers all of verify's questions to the guest in one round trip, as one JSON document.

Runs in the VM as root, fed to `python3 -` over SSH; the standard library is all it uses, and it leaves nothing
behind. It only gathers: what is right or wrong is judged on the host. A first line, put before this text, sets
ASKED: {"services": [{"name", "unit", "port"}], "folders": [...], "nonce": "..."}.
A section that fails says so under "problems" and does not take the others with it.
"""

import glob
import grp
import json
import os
import pwd
import re
import select
import socket
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


def as_account(entry):
    def drop():
        os.setsid()
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    return drop


def account_entry():
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def provisioned():
    try:
        return json.loads(read(STATE + "/provisioned.json"))
    except FileNotFoundError:
        return None


def tokens():
    found = {}
    for service in ASKED["services"]:
        path = "%s/tokens/%s" % (STATE, service["name"])
        try:
            status = os.stat(path)
            value = read(path)
        except FileNotFoundError:
            found[service["name"]] = None
            continue
        secrets.append(value.strip())
        found[service["name"]] = {"value": value, "mode": status.st_mode & 0o7777, "uid": status.st_uid}
    return found


UNIT_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,NRestarts,MainPID,ExecMainStatus,ActiveEnterTimestampMonotonic,"
    "InactiveEnterTimestampMonotonic"
)


def start_units():
    names = [service["unit"] for service in ASKED["services"]]
    show = start("systemctl", "show", "--no-pager", "--property=" + UNIT_PROPERTIES, *names) if names else None
    failed = start("systemctl", "list-units", "--failed", "--all", "--plain", "--no-legend", "--no-pager", "--full")
    return show, failed


def unit_states(show):
    if show is None:
        return {}
    code, out, err = finish(show)
    if code != 0:
        raise OSError("systemctl show: " + (err.strip() or "exit %s" % code))
    now = time.clock_gettime(time.CLOCK_MONOTONIC)
    states = {}
    for block in out.strip().split("\n\n"):
        value = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)

        def since(name):
            stamp = int(value.get(name) or 0)
            return round(now - stamp / 1e6, 1) if stamp else None

        states[value.get("Id", "")] = {
            "load": value.get("LoadState", ""),
            "active": value.get("ActiveState", ""),
            "sub": value.get("SubState", ""),
            "result": value.get("Result", ""),
            "restarts": int(value.get("NRestarts") or 0),
            "pid": int(value.get("MainPID") or 0),
            "exit": int(value.get("ExecMainStatus") or 0),
            "activeSeconds": since("ActiveEnterTimestampMonotonic"),
            "inactiveSeconds": since("InactiveEnterTimestampMonotonic"),
        }
    return states


def failed_units(failed):
    code, out, err = finish(failed)
    if code != 0:
        raise OSError("systemctl list-units: " + (err.strip() or "exit %s" % code))
    return [line.split()[0].lstrip("\u25cf*") for line in out.splitlines() if line.strip()]


def journals(states, failed):
    """The last lines of whatever does not run as it should."""
    wanted = [unit for unit, state in states.items() if state["active"] != "active" or state["restarts"] > 0]
    wanted += [unit for unit in failed if unit not in wanted][:5]
    running = {
        unit: start("journalctl", "--no-pager", "--quiet", "--boot", "-o", "cat", "-n", "12", "-u", unit)
        for unit in wanted
    }
    return {unit: hide(finish(process)[1]).splitlines()[-12:] for unit, process in running.items()}


def hide(text):
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[token]")
    return text


def address(hexadecimal):
    raw = bytes.fromhex(hexadecimal)
    words = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)] if sys.byteorder == "little" else [raw]
    raw = b"".join(words)
    if len(raw) == 16 and raw.startswith(b"\0" * 10 + b"\xff\xff"):
        raw = raw[12:]
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def sockets():
    """Everything that listens (TCP) or waits for datagrams (UDP), with who holds it."""
    found = []
    for protocol, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        try:
            lines = read("/proc/net/" + protocol).splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] != listening:
                continue
            host, port = fields[1].split(":")
            found.append(
                {
                    "protocol": protocol[:3],
                    "address": address(host),
                    "port": int(port, 16),
                    "inode": fields[9],
                    "pid": None,
                    "program": None,
                    "unit": None,
                }
            )
    ports = {service["port"] for service in ASKED["services"]}
    holders = {}
    for entry in found:
        inode = entry.pop("inode")
        if entry["port"] in ports or not entry["address"].startswith("127.") and entry["address"] != "::1":
            holders["socket:[%s]" % inode] = entry
    # In the order of their numbers: a child may have inherited a socket, but the eldest process names it.
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if not holders:
            break
        for name in open_files(pid) & holders.keys():
            holders.pop(name)["pid"] = pid
    for entry in found:
        if entry["pid"] is not None:
            entry["program"], entry["unit"] = who(entry["pid"])
    return found


def open_files(pid):
    """What the process has open; files come and go meanwhile, and so may the process."""
    names = set()
    try:
        for number in os.listdir("/proc/%d/fd" % pid):
            try:
                names.add(os.readlink("/proc/%d/fd/%s" % (pid, number)))
            except OSError:
                continue
    except OSError:
        pass
    return names


def who(pid):
    try:
        program = read("/proc/%d/comm" % pid).strip()
        groups = read("/proc/%d/cgroup" % pid).strip().splitlines()
    except OSError:
        return None, None
    parts = [part for part in groups[-1].split("/") if part.endswith((".service", ".scope", ".socket"))]
    return program, parts[0] if parts else None


def mounts():
    table = {}
    for line in read("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), left.split()[4])
        table[point] = right.split()[0]
    return table


def disks():
    table = mounts()
    found, seen = [], set()
    for path in ("/", "/var", STATE, "/home", "/opt", "/tmp"):
        try:
            device, space = os.stat(path).st_dev, os.statvfs(path)
        except FileNotFoundError:
            continue
        if device in seen or space.f_blocks == 0:
            continue
        seen.add(device)
        point = path
        while point not in table and point != "/":
            point = os.path.dirname(point)
        found.append(
            {
                "path": point,
                "kind": table.get(point, ""),
                "size": space.f_blocks * space.f_frsize,
                "free": space.f_bavail * space.f_frsize,
                "inodes": space.f_files,
                "inodesFree": space.f_favail,
            }
        )
    return found


def memory():
    info = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in read("/proc/meminfo").splitlines()}
    killed = re.search(r"^oom_kill (\d+)", read("/proc/vmstat"), re.M)
    return {
        "total": info["MemTotal"],
        "available": info["MemAvailable"],
        "swap": info["SwapTotal"],
        "swapFree": info["SwapFree"],
        "oomKills": int(killed.group(1)) if killed else 0,
        "cpus": os.cpu_count() or 1,
    }


def use_folder(path, nonce):
    """As the service account: reads the host's file if there is one, then writes, renames and deletes."""
    steps = []
    host = os.path.join(path, ".notebox-verify-%s-host" % nonce)
    mine = os.path.join(path, ".notebox-verify-%s-vm" % nonce)
    try:
        if os.path.lexists(host):
            steps.append("read what the host wrote")
            if read(host).strip() != nonce:
                raise OSError("the host's file arrived with other contents")
            os.unlink(host)
        steps.append("write a file")
        with open(mine, "x", encoding="utf-8") as file:
            file.write(nonce)
        steps.append("rename it")
        os.rename(mine, mine + "-renamed")
        steps.append("read it")
        if read(mine + "-renamed") != nonce:
            raise OSError("what was read is not what was written")
        steps.append("delete it")
        os.unlink(mine + "-renamed")
    except OSError as error:
        for name in (mine, mine + "-renamed"):
            if os.path.lexists(name):
                os.unlink(name)
        return {"ok": False, "steps": steps, "error": error.strerror or str(error)}
    return {"ok": True, "steps": steps, "error": None}


def start_folders(entry):
    """One child a folder, so that a folder that hangs costs its own answer only."""
    running = {}
    for folder in ASKED["folders"]:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                as_account(entry)()
                answer = use_folder(os.path.join(HOME, folder), ASKED["nonce"])
            except BaseException as error:
                answer = {"ok": False, "steps": [], "error": getattr(error, "strerror", None) or str(error)}
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
        os.close(writer)
        running[folder] = reader
    return running


def folders(running):
    table = mounts()
    deadline = time.monotonic() + PATIENCE
    found = {}
    for folder, reader in running.items():
        ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
        text = os.read(reader, 65536).decode() if ready else ""
        hanging = {"ok": False, "steps": [], "error": "no answer within %d s" % PATIENCE}
        found[folder] = {"kind": table.get(os.path.join(HOME, folder)), **(json.loads(text) if text else hanging)}
    return found


def account(entry, sudo):
    locked = {}
    for line in read("/etc/shadow").splitlines():
        name, password = line.split(":")[:2]
        if name in ("root", "vagrant", ACCOUNT):
            locked[name] = password[:1] in ("!", "*")
    code, _, err = finish(sudo) if sudo else (None, "", "sudo is not installed")
    return {
        "uid": entry.pw_uid,
        "groups": [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(ACCOUNT, entry.pw_gid)],
        "locked": locked,
        "sudo": code == 0,
        "sudoSaid": err.strip()[-200:],
    }


def start_sudo(entry):
    try:
        return start("sudo", "-n", "true", preexec_fn=as_account(entry))
    except FileNotFoundError:
        return None


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(site):
    """Name to version of each distribution, and those whose files are gone although their record is there."""
    versions, hollow = {}, []
    present = set(os.listdir(site))
    for record in present:
        match = re.fullmatch(r"(.+)-([^-]+)\.dist-info", record)
        if not match:
            continue
        name = canonical(match.group(1))
        versions[name] = match.group(2)
        try:
            with open("%s/%s/RECORD" % (site, record), "rb") as file:
                # The first part of each path; by one expression, because there are tens of thousands of lines.
                tops = set(re.findall(rb"^[^/,\r\n]+", file.read(), re.M))
        except OSError:
            hollow.append(name)
            continue
        if any(os.fsdecode(top) not in present for top in tops - {b"..", b"__pycache__"}):
            hollow.append(name)
    return versions, hollow


def packages():
    """What provisioning left in the venv (it keeps a list) against what is there now."""
    sites = glob.glob(VENV + "/lib/python3*/site-packages")
    if not sites:
        return None
    versions, hollow = installed(sites[0])
    wanted = {}
    for line in read(STATE + "/python-packages").splitlines():
        match = re.search(r"/([^/]+)-([^-/]+)\.dist-info/RECORD$", line)
        if match:
            wanted[canonical(match.group(1))] = match.group(2)
    return {
        "python": "".join(re.findall(r"python(3[\d.]*)", sites[0])[:1]),
        "checked": len(wanted),
        "missing": sorted(name for name in wanted if name not in versions),
        "damaged": sorted(hollow),
        "different": [
            {"name": name, "wanted": version, "found": versions[name]}
            for name, version in sorted(wanted.items())
            if versions.get(name, version) != version
        ],
    }


def system_packages():
    """Those of packages.apt that are not installed."""
    try:
        wanted = [line.strip() for line in read(CONFIG + "/workbench/apt.txt").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    if not wanted:
        return []
    there = set()
    for block in read("/var/lib/dpkg/status").split("\n\n"):
        if "\nStatus: install ok installed" in "\n" + block:
            there.add(block.split("\n", 1)[0].split(": ", 1)[-1])
            provides = re.search(r"^Provides: (.*)$", block, re.M)
            if provides:
                there.update(re.split(r"[ ,(]", entry.strip())[0] for entry in provides.group(1).split(","))
    return [name for name in wanted if re.split(r"[:=/]", name)[0] not in there]


def section(name, work, *given):
    try:
        return work(*given)
    except Exception as error:
        problems[name] = "%s: %s" % (type(error).__name__, error)
        return None


def main():
    began = time.time()
    entry = account_entry()
    units = section("units", start_units) or (None, None)
    sudo = section("account", start_sudo, entry) if entry else None
    running = section("folders", start_folders, entry) if entry else None
    answer = {
        "provisioned": section("provisioned", provisioned),
        "tokens": section("tokens", tokens),
        "sockets": section("sockets", sockets),
        "disks": section("disks", disks),
        "memory": section("memory", memory),
        "packages": section("packages", packages),
        "systemPackages": section("systemPackages", system_packages),
        "account": section("account", account, entry, sudo) if entry else None,
        "folders": section("folders", folders, running) if running is not None else None,
    }
    states = section("units", unit_states, units[0]) if units[1] else None
    failed = section("units", failed_units, units[1]) if units[1] else None
    answer["units"] = states
    answer["failed"] = failed
    answer["journals"] = section("journals", journals, states or {}, failed or [])
    answer["uptime"] = section("uptime", lambda: float(read("/proc/uptime").split()[0]))
    answer["seconds"] = round(time.time() - began, 3)
    answer["epoch"] = time.time()
    answer["problems"] = {name: hide(text) for name, text in problems.items()}
    sys.stdout.write("\nNOTEBOX-PROBE-1 " + json.dumps(answer) + "\n")
    sys.stdout.flush()
    # A child that hangs in a dead folder must not keep this one.
    os._exit(0)


main()
