"""The services' units, their tokens and journals, and what provisioning left about itself."""

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


def said():
    """What services say of their own trouble. A gateway's file is the services' account's: so nothing in it is trusted."""
    found = {}
    for service in ASKED["services"]:
        # A link could point to what only root may read, and a pipe never comes to its end.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        for place in ("/run/notebox/problems/%s.json", STATE + "-%s/problem.json"):
            try:
                file = os.open(place % service["name"], flags)
                break
            except OSError:
                continue
        else:
            continue
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                continue
            try:
                told = json.loads(opened.read(20000).decode("utf-8"))
            except ValueError:
                continue
        if isinstance(told, dict) and isinstance(told.get("message"), str):
            cell = told.get("cell")
            sound = isinstance(cell, int) and not isinstance(cell, bool)
            # json.dumps of the whole answer must not meet a lone surrogate.
            message = hide(told["message"]).encode("utf-8", "replace").decode("utf-8")
            found[service["name"]] = {
                "message": message[:600],
                "cell": cell if sound else None,
                "serving": told.get("serving") is True,
            }
    return found
