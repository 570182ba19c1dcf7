"""What the services' account can do: shared folders, tried as it, and its groups, passwords and sudo."""

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
