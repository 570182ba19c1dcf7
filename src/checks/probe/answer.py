"""The probe's end: everything that takes time is started first, then all is gathered into one line of JSON."""

def main():
    began = time.time()
    entry = account_entry()
    units = section("units", start_units) or (None, None)
    sudo = section("account", start_sudo, entry) if entry else None
    running = section("folders", start_folders, entry) if entry else None
    answer = {
        "provisioned": section("provisioned", provisioned),
        "tokens": section("tokens", tokens),
        "said": section("said", said),
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
