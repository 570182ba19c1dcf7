"""Disks and memory of the guest."""

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
