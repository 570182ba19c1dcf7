"""PostgreSQL for one service of the workbench: python3 postgres.py ACTION NAME.

run      makes the database cluster if there is none, and becomes the server (as the account postgres)
prepare  makes the role and the database and sets the password (as postgres, once the server answers)
sample   loads the files of the workbench's folder sql/ that were not loaded before (as root; files run as the notebooks'
         account, so they can do what a notebook can and no more)
What differs between workbenches stands in /etc/notebox/workbench/services/NAME.json; the password is the service's token.
"""

import glob
import json
import os
import re
import shutil
import stat
import subprocess
import sys

FOLDER = "/home/notebox/sql"
LOADED = "/opt/notebox/share/postgres/loaded.sql"
PROBLEM = "/opt/notebox/lib/notebox-problem"
ROLE = r"[a-z][a-z0-9_]{0,39}"


def end(name, message):
    sys.exit(f"notebox: {name}: {message}")


class Service:
    def __init__(self, name):
        self.name = name
        self.state = f"/var/lib/notebox-{name}"
        self.data = f"{self.state}/data"
        self.run = f"/run/notebox-{name}"
        with open(f"/etc/notebox/workbench/services/{name}.json", encoding="utf-8") as file:
            settings = json.load(file)
        self.database = settings["database"]
        self.reached = settings.get("port") is not None
        self.port = int(settings["port"] if self.reached else settings["innerPort"])
        if not re.fullmatch(ROLE, self.database):
            end(name, "the database's name is not one; render the workbench again")

    def password(self):
        lent = os.environ.get("CREDENTIALS_DIRECTORY")
        with open(f"{lent}/token" if lent else f"/var/lib/notebox/tokens/{self.name}", encoding="ascii") as file:
            token = file.read().strip()
        if not re.fullmatch(r"[0-9a-f]{32,}", token):
            end(self.name, "the token is no password; run provisioning again")
        return token


def programs(version=None):
    """The folder of the server's programs: of that major version, else of the newest."""
    found = {int(path.split("/")[4]): path for path in glob.glob("/usr/lib/postgresql/[1-9]*/bin") if path.split("/")[4].isdigit()}
    return found.get(version or max(found, default=0))


def run(service):
    version = None
    if os.path.exists(f"{service.data}/PG_VERSION"):
        with open(f"{service.data}/PG_VERSION", encoding="ascii") as file:
            version = int(file.read())
    place = programs(version)
    if place is None:
        if version is None:
            end(service.name, "PostgreSQL is not installed; run provisioning again")
        end(service.name, f"the data is that of PostgreSQL {version}, which is not installed: install postgresql-{version}")
    if version is None:
        part = f"{service.data}.part"
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(
            [f"{place}/initdb", "--pgdata", part, "--username=postgres", "--auth-local=peer", "--auth-host=reject"]
            + ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        os.rename(part, service.data)
    # Who may connect, whatever stands in the data folder: the superuser from this machine's own account, everybody else
    # with a password.
    with open(f"{service.run}/hba.conf", "w", encoding="ascii") as file:
        file.write("local all postgres peer\n")
        file.write(f"host all {service.database} {'all' if service.reached else '127.0.0.1/32'} scram-sha-256\n")
    settings = {
        "listen_addresses": "*" if service.reached else "127.0.0.1",
        "port": service.port,
        "unix_socket_directories": service.run,
        "unix_socket_permissions": "0700",
        "hba_file": f"{service.run}/hba.conf",
        "password_encryption": "scram-sha-256",
        "ssl": "off",
        "max_connections": 50,
        "shared_buffers": "64MB",
        # The compiler takes more memory and time than the queries of a course.
        "jit": "off",
        # systemd's journal adds the time.
        "log_destination": "stderr",
        "log_line_prefix": "",
        "log_checkpoints": "off",
        "logging_collector": "off",
    }
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    os.execv(f"{place}/postgres", [f"{place}/postgres", "-D", service.data, *options])


def psql(service, text):
    """As the superuser, over the socket. The text goes through a pipe: a process list would show a password."""
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", service.run, "-p", str(service.port), "-U", "postgres", "-d", "postgres"]
    return subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout


PREPARE = """
-- Not even a statement that fails may stand in the log: one holds the password.
SET log_min_error_statement = panic;
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'name', :'password') \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
"""


def prepare(service):
    psql(service, f"\\set name {service.database}\n\\set password {service.password()}\n{PREPARE}")


def sample(service):
    problem = first_problem(service)
    if problem is not None:
        print(f"notebox: {service.name}: {problem}", flush=True)
    subprocess.run([PROBLEM, service.name], input=problem or "", text=True, check=True)


def first_problem(service):
    """Loads file after file in the order of their names, each whole or not at all; stops at the first that fails."""
    try:
        names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".sql") and not name.startswith("."))
    except OSError:
        return None
    environment = {
        **{"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/home/notebox", "PGCONNECT_TIMEOUT": "30"},
        **{"PGHOST": "127.0.0.1", "PGPORT": str(service.port), "PGDATABASE": service.database},
        **{"PGUSER": service.database, "PGPASSWORD": service.password()},
    }
    become = ["/usr/sbin/runuser", "-u", "notebox", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]

    def ask(*more):
        return subprocess.run(
            [*become, *more], env=environment, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )

    query = "SELECT file FROM notebox.loaded"
    loaded = set(ask("-c", query).stdout.splitlines())
    for name in names:
        path = f"{FOLDER}/{name}"
        if name in loaded or not stat.S_ISREG(os.lstat(path).st_mode):
            continue
        done = ask("--single-transaction", "-v", f"file={name}", "-f", path, "-f", LOADED)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "error" in line] or done.stderr.splitlines()
            said = (lines or [f"psql ended with exit code {done.returncode}"])[0].replace(f"psql:{path}:", "line ")
            return f"sql/{name} was not loaded: {said[:400]}"
        print(f"notebox: {service.name}: loaded sql/{name}", flush=True)
    return None


if __name__ == "__main__":
    {"run": run, "prepare": prepare, "sample": sample}[sys.argv[1]](Service(sys.argv[2]))
