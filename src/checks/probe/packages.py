"""Python packages of the venv and packages of the system, against what there should be."""

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
