"""Everything that listens in the guest, with the process and the unit that hold it."""

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
