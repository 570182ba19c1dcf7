"""Runs a notebook in a build root, beside services that are started as their units start them: python3 try-notebook.py FILE.

There is no systemd in a build root, so this reads the units and gives the services what systemd would: accounts, folders,
the token, what is to run before they count as started. The notebook runs as notebooks do: their account, their
environment, the workbench's Python. Then each service is stopped for one run, and a package is missing in another.
Prints a JSON object: what was broken ("" for nothing) to the cell that failed first, as [its text, the error], or null.
"""
import glob, json, os, re, shlex, signal, socket, subprocess, sys, time

ETC = "/etc/notebox/workbench"
RUN = """
import json, sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
try:
    nbclient.NotebookClient(notebook, timeout=180, kernel_name="python3").execute()
except nbclient.exceptions.CellExecutionError:
    pass
failed = [[cell.source, f"{out.ename}: {out.evalue}"[:300]] for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "error"]
print("FAILED " + json.dumps(failed[0] if failed else None))
"""
NOTEBOOKS = ["setpriv", "--reuid=notebox", "--regid=notebox", "--clear-groups"]


class Unit:
    def __init__(self, kind, name, number):
        self.kind, self.name = kind, name
        text = open(f"/etc/systemd/system/{kind}@.service").read()
        self.text = text.replace("%i", name).replace("%t", "/run").replace("%S", "/var/lib")
        self.env = {}
        for line in self.lines("Environment"):
            self.env.update(word.split("=", 1) for word in line.split())
        # An account that systemd would make up.
        self.user = (self.lines("User") or [f"made-up-{number}"])[0]
        if self.lines("DynamicUser"):
            subprocess.run(["useradd", "--system", "--user-group", self.user], check=True)

    def lines(self, key):
        return re.findall(rf"^{key}=(.*)$", self.text, re.M)

    def command(self, line):
        """systemd's prefixes: - may fail, + as root."""
        as_root = "+" in re.match(r"[-+]*", line)[0]
        become = [] if as_root else ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
        return [*become, *line.lstrip("-+").split()]

    def start(self):
        place = f"/run/credentials-{self.name}"
        for folder in (place, f"/run/notebox-{self.name}", f"/var/lib/notebox-{self.name}"):
            os.makedirs(folder, exist_ok=True)
            subprocess.run(["chown", f"{self.user}:", folder], check=True)
        token = f"/var/lib/notebox/tokens/{self.name}"
        subprocess.run(["install", "-m", "400", "-o", self.user, token, f"{place}/token"], check=True)
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        env = {"PATH": path, "HOME": "/", "CREDENTIALS_DIRECTORY": place, "STATE_DIRECTORY": f"/var/lib/notebox-{self.name}", **self.env}
        log = open(f"/run/{self.name}.log", "a")
        self.process = subprocess.Popen(self.command(self.lines("ExecStart")[0]), env=env, cwd="/", stdout=log, stderr=log, start_new_session=True)
        self.wait()
        for line in self.lines("ExecStartPost"):
            done = subprocess.run(self.command(line), env=env, cwd="/", stdout=log, stderr=log)
            assert done.returncode == 0 or line.startswith("-"), f"{line}: " + self.log()

    def wait(self):
        """Until it takes connections: systemd knows that of PostgreSQL, notebooks wait for the others."""
        settings = json.load(open(f"{ETC}/services/{self.name}.json"))
        for _ in range(600):
            assert self.process.poll() is None, self.log()
            try:
                socket.create_connection(("127.0.0.1", settings.get("port") or settings["innerPort"]), 1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{self.name} does not listen: " + self.log())

    def stop(self):
        """As systemd does: the main process is asked, and whatever is left of the group afterwards is killed."""
        self.process.send_signal(getattr(signal, (self.lines("KillSignal") or ["SIGTERM"])[0]))
        self.process.wait(15)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def log(self):
        return open(f"/run/{self.name}.log").read()[-2000:]


def run(file, more):
    jupyter = Unit("jupyter", "jupyter", 0)
    env = {"HOME": "/home/notebox", "USER": "notebox", **jupyter.env, "JUPYTER_RUNTIME_DIR": "/run/notebook"}
    env |= dict(pair.split("=", 1) for pair in shlex.split(open("/run/notebox/notebooks.env").read()))
    command = [*NOTEBOOKS, "/opt/notebox/venv/bin/python", "-c", RUN, file]
    done = subprocess.run(command, env=env | more, cwd="/home/notebox", capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("FAILED "):
            return json.loads(line.removeprefix("FAILED "))
    raise AssertionError(done.stdout + done.stderr)


def until_open(file):
    """OpenRefine takes a while to open; nothing else may fail."""
    for _ in range(60):
        failed = run(file, {})
        if failed is None or "OpenRefine" not in failed[0]:
            return failed
        time.sleep(2)
    return failed


os.umask(0o022)
subprocess.run(["ip", "link", "set", "lo", "up"])
subprocess.run(["/opt/notebox/lib/notebox-tokens"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(["install", "-d", "-o", "notebox", "/run/notebook"], check=True)
units = [Unit(*line.split()[:2], number) for number, line in enumerate(open(f"{ETC}/services.txt")) if not line.startswith("jupyter ")]
found = {}
try:
    for unit in units:
        unit.start()
    found[""] = until_open(sys.argv[1])
    os.makedirs("/run/broken")
    open("/run/broken/pymongo.py", "w").write("raise ImportError('broken by the trial')\n")
    found["pymongo"] = run(sys.argv[1], {"PYTHONPATH": "/run/broken"})
    for unit in units:
        unit.stop()
        found[unit.kind] = run(sys.argv[1], {})
        unit.start()
    found["mended"] = until_open(sys.argv[1])
    problems = {os.path.basename(path): json.load(open(path)) for path in glob.glob("/run/notebox/problems/*")}
finally:
    for unit in units:
        try:
            unit.stop()
        except Exception as error:
            print(unit.name, error, file=sys.stderr)
print(json.dumps({"cells": found, "problems": problems}))
